import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectoryDurable, syncDirectory, syncFile } from '../durable-files.ts';
import { AppError } from '../errors.ts';
import { digestOfFile } from '../file-digest.ts';
import { identityAt } from '../file-identity.ts';
import { namesIn } from '../names-in.ts';
import { type MetadataFile, renderData, withCarriedData } from '../repodata/repomd.ts';
import { openMetadata } from '../unpack/open-metadata.ts';
import type { ContentChecks, ContentSender } from './content-checks.ts';

/** Metadata that is not derived from the packages, on its way into a repository: comps, updateinfo, modules, ... */
export interface ForeignMetadata {
  /**
   * Checks a file and packs it, when its turn has come.
   * @param path plain or compressed, on the mount of the state directory; the caller removes it.
   * @throws AppError PARAMETER_INVALID; as ContentChecks.check().
   */
  pack(type: string, path: string, sender: ContentSender): Promise<PackedMetadata>;
  /** Keeps packed metadata durably until the next run publishes it in place of the one of that type. */
  keep(repository: string, packed: PackedMetadata): Promise<void>;
  /** The types that wait to be published, read at once. */
  waitingTypes(repository: string): readonly string[];
  /** True when something waits to be published. */
  isWaiting(repository: string): Promise<boolean>;
  /**
   * Adds what waits to new metadata that is not public yet. A file that was damaged since it was put is set aside under
   * another name, which `warn` is told, so that packages are indexed all the same.
   */
  addTo(
    scratchDir: string,
    repository: string,
    warn: (path: string, error: unknown) => void,
  ): Promise<readonly AddedMetadata[]>;
  /** Forgets what was published; what was put since stays. */
  remove(published: readonly AddedMetadata[]): Promise<void>;
  /** Ends the check under way, and refuses what waits for one. */
  close(): void;
}

/** Metadata that was checked; leaving the scope removes what was not kept. */
export interface PackedMetadata extends AsyncDisposable {
  readonly type: string;
  /** One gzip member. */
  readonly path: string;
}

/** What was added, by the file that waited. */
export interface AddedMetadata {
  readonly path: string;
  /** See identityAt(). */
  readonly identity: string | undefined;
}

/** Types that are derived from the packages: only the engine writes them. */
const DERIVED_TYPE = /^(?:primary|filelists|filelists[-_]ext|other)(?:_|$)/;
// Other names for the same content, which clients prefer: they would hide what was put.
// createrepo_c and modifyrepo_c append one to another: `group_gz`, `group_zck`, `group_gz_zck`.
const VARIANT_TYPE = /(?:_(?:gz|bz2|xz|lzma|zst|zck|db))+$/;
// Those of them that a file can be unpacked from.
const COMPRESSED_TYPE = /_(?:gz|bz2|xz|zst)$/;
const TYPE = /^[a-z][a-z0-9_-]{0,63}$/;
const WAITING_NAME = /^(?<type>[a-z][a-z0-9_-]{0,63})\.gz$/;

/** Keeps what waits in `<metadataDir>/<releasever>@<basearch>/<type>.gz`, a name that one rename replaces. */
export function createForeignMetadata(
  metadataDir: string,
  checks: ContentChecks,
  now: () => number,
): ForeignMetadata {
  const directoryOf = (repository: string): string => join(metadataDir, repository.replace('/', '@'));
  const waitingIn = async (repository: string): Promise<readonly string[]> =>
    (await namesIn(directoryOf(repository))).filter((name) => WAITING_NAME.test(name));

  return {
    pack: async (type, path, sender) => {
      checkType(type);
      const packedPath = `${path}.gz`;
      const remove = (): Promise<void> => rm(packedPath, { force: true });
      try {
        await checks.check({ type, path, packedPath }, sender);
        await syncFile(packedPath);
        return { type, path: packedPath, [Symbol.asyncDispose]: remove };
      } catch (error) {
        await remove();
        throw error;
      }
    },
    keep: async (repository, { type, path }) => {
      const directory = directoryOf(repository);
      await makeDirectoryDurable(directory);
      await rename(path, join(directory, `${type}.gz`));
      await syncDirectory(directory);
    },
    close: checks.close,
    waitingTypes: (repository) =>
      namesAt(directoryOf(repository)).flatMap((name) => WAITING_NAME.exec(name)?.groups?.['type'] ?? []),
    isWaiting: async (repository) => (await waitingIn(repository)).length > 0,
    addTo: async (scratchDir, repository, warn) => {
      const added: AddedMetadata[] = [];
      const elements: string[] = [];
      for (const name of await waitingIn(repository)) {
        const path = join(directoryOf(repository), name);
        // From here on it is this file, whatever is put in its place.
        const linked = join(scratchDir, name);
        await link(path, linked);
        const type = WAITING_NAME.exec(name)?.groups?.['type'] ?? '';
        const file = await describe(linked, type, now()).catch(async (error: unknown) => {
          if (!(error instanceof AppError)) throw error;
          await rename(path, `${path}.damaged`);
          warn(`${path}.damaged`, error);
          return undefined;
        });
        if (file === undefined) continue;
        await rename(linked, join(scratchDir, file.href));
        elements.push(renderData(file).trim());
        added.push({ path, identity: identityAt(join(scratchDir, file.href)) });
      }
      if (elements.length > 0) await addElements(scratchDir, elements);
      return added;
    },
    remove: async (published) => {
      for (const { path, identity } of published) {
        if (identityAt(path) === identity) await rm(path, { force: true });
      }
    },
  };
}

function namesAt(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** @throws AppError PARAMETER_INVALID. */
export function checkType(type: string): void {
  if (type === 'comps') {
    throw new AppError('PARAMETER_INVALID', 'comps has the type "group" in repomd.xml', {
      hint: 'Put it as .../metadata/group.',
    });
  }
  if (TYPE.test(type) && !DERIVED_TYPE.test(type) && !VARIANT_TYPE.test(type)) return;
  throw new AppError('PARAMETER_INVALID', `"${type}" is no type of metadata that can be put`, {
    hint: 'Use the type as repomd.xml names it, such as group, updateinfo or modules; primary, filelists and other come from the packages, and compression is chosen here.',
  });
}

/** The type that metadata of others can be put as, without the compression in some names; undefined for derived ones. */
export function foreignTypeOf(type: string): string | undefined {
  const bare = type.replace(COMPRESSED_TYPE, '');
  return TYPE.test(bare) && !DERIVED_TYPE.test(bare) && !VARIANT_TYPE.test(bare) ? bare : undefined;
}

/** Whether a `<data>` element of the former repomd.xml stays: neither its type nor what it is a form of is replaced or removed. */
export function isCarried(type: string, ended: ReadonlySet<string>): boolean {
  return !DERIVED_TYPE.test(type) && !ended.has(type) && !ended.has(type.replace(VARIANT_TYPE, ''));
}

async function addElements(scratchDir: string, elements: readonly string[]): Promise<void> {
  const repomdPath = join(scratchDir, 'repodata', 'repomd.xml');
  await writeFile(repomdPath, withCarriedData(await readFile(repomdPath, 'utf8'), elements));
}

async function describe(path: string, type: string, nowMs: number): Promise<MetadataFile> {
  const sha256 = await digestOfFile(path);
  const open = createHash('sha256');
  let openSizeBytes = 0;
  let isXml: boolean | undefined;
  for await (const piece of openMetadata(path)) {
    isXml ??= /^\s*</.test(Buffer.from(piece).toString('latin1', 0, 1024));
    open.update(piece);
    openSizeBytes += piece.length;
  }
  return {
    type,
    href: `repodata/${sha256}-${type}.${isXml === true ? 'xml' : 'txt'}.gz`,
    sha256,
    openSha256: open.digest('hex'),
    sizeBytes: (await stat(path)).size,
    openSizeBytes,
    timestampSeconds: Math.floor(nowMs / 1000),
  };
}
