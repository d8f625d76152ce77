import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { link, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { makeDirectoryDurable, syncDirectory, syncFile } from '../durable-files.ts';
import { AppError, errnoOf } from '../errors.ts';
import { identityAt } from '../file-identity.ts';
import { type MetadataFile, renderData, withCarriedData } from '../repodata/repomd.ts';
import { checkForeignContent } from './check-foreign-content.ts';
import { openMetadata } from './open-metadata.ts';

/** Metadata that is not derived from the packages, on its way into a repository: comps, updateinfo, modules, ... */
export interface ForeignMetadata {
  /**
   * Keeps a file durably until the next run publishes it in place of the one of that type.
   * @param path plain or compressed, on the mount of the state directory; the caller removes it.
   * @throws AppError PARAMETER_INVALID for the type, METADATA_INVALID for the content.
   */
  put(repository: string, type: string, path: string): Promise<void>;
  /** What waits to be published. */
  list(repository: string): Promise<readonly PendingMetadata[]>;
  /** Forgets what was published; what was put since stays. */
  remove(published: readonly PendingMetadata[]): Promise<void>;
}

export interface PendingMetadata {
  readonly path: string;
  /** See identityAt(). */
  readonly identity: string | undefined;
  readonly file: MetadataFile;
}

/** Types that are derived from the packages: only the engine writes them. */
const DERIVED_TYPE = /^(?:primary|filelists|filelists[-_]ext|other)(?:_|$)/;
// Other names for the same content, which clients prefer: they would hide what was put.
const VARIANT_TYPE = /_(?:gz|bz2|xz|zst|zck|db)$/;
const TYPE = /^[a-z][a-z0-9_-]{0,63}$/;
// `<type>.<xml or txt>.gz`; a dot is in no type.
const PENDING_NAME = /^(?<type>[a-z][a-z0-9_-]{0,63})\.(?:xml|yaml|txt)\.gz$/;

/** Keeps what waits below `<state_dir>/metadata/<releasever>@<basearch>/`. */
export function createForeignMetadata(metadataDir: string, now: () => number): ForeignMetadata {
  const directoryOf = (repository: string): string => join(metadataDir, repository.replace('/', '@'));

  return {
    put: async (repository, type, path) => {
      if (!TYPE.test(type) || DERIVED_TYPE.test(type) || VARIANT_TYPE.test(type)) throw wrongType(type);
      const content = await checkForeignContent(path);
      const directory = directoryOf(repository);
      await makeDirectoryDurable(directory);
      const packed = `${path}.gz`;
      try {
        await pipeline(openMetadata(path), createGzip(), createWriteStream(packed, { mode: 0o644 }));
        await syncFile(packed);
        await removeOthers(directory, type);
        await rename(packed, join(directory, `${type}.${content}.gz`));
        await syncDirectory(directory);
      } finally {
        await rm(packed, { force: true });
      }
    },
    list: async (repository) => {
      const directory = directoryOf(repository);
      const names = (await namesIn(directory)).filter((name) => PENDING_NAME.test(name));
      return Promise.all(names.map((name) => describe(join(directory, name), now())));
    },
    remove: async (published) => {
      for (const { path, identity } of published) {
        if (identityAt(path) === identity) await rm(path, { force: true });
      }
    },
  };
}

/** Adds files to new metadata that is not public yet. */
export async function addToRepodata(scratchDir: string, added: readonly PendingMetadata[]): Promise<void> {
  if (added.length === 0) return;
  const repomdPath = join(scratchDir, 'repodata', 'repomd.xml');
  for (const { path, file } of added) await link(path, join(scratchDir, file.href));
  const elements = added.map(({ file }) => renderData(file).trim());
  await writeFile(repomdPath, withCarriedData(await readFile(repomdPath, 'utf8'), elements));
}

/** Whether a `<data>` element of the former repomd.xml stays beside those of the new one. */
export function isCarried(type: string, newTypes: ReadonlySet<string>): boolean {
  return !DERIVED_TYPE.test(type) && !newTypes.has(type) && !newTypes.has(type.replace(VARIANT_TYPE, ''));
}

async function describe(path: string, nowMs: number): Promise<PendingMetadata> {
  const identity = identityAt(path);
  const packed = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  const open = createHash('sha256');
  let openSizeBytes = 0;
  for await (const piece of openMetadata(path)) {
    open.update(piece);
    openSizeBytes += piece.length;
  }
  const name = basename(path);
  return {
    path,
    identity,
    file: {
      type: PENDING_NAME.exec(name)?.groups?.['type'] ?? '',
      href: `repodata/${packed}-${name}`,
      sha256: packed,
      openSha256: open.digest('hex'),
      sizeBytes: (await stat(path)).size,
      openSizeBytes,
      timestampSeconds: Math.floor(nowMs / 1000),
    },
  };
}

/** The same type may have waited with another kind of content. */
async function removeOthers(directory: string, type: string): Promise<void> {
  for (const name of await namesIn(directory)) {
    if (PENDING_NAME.exec(name)?.groups?.['type'] === type) await rm(join(directory, name), { force: true });
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function wrongType(type: string): AppError {
  return new AppError('PARAMETER_INVALID', `"${type}" is no type of metadata that can be put`, {
    hint: 'Use the type as repomd.xml names it, such as group, updateinfo or modules; primary, filelists and other come from the packages, and compression is chosen here.',
  });
}
