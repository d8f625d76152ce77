import { toRepositoryFileName, type RepositoryName } from '../rpm/repository-name.ts';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fitsSchema } from '../base/schema/fits-schema.ts';
import type { JsonSchema } from '../base/schema/json-schema.ts';
import {
  makeDirectoryDurable,
  replaceDurable,
  syncDirectory,
  syncFile,
} from '../base/files/durable-files.ts';
import { AppError, errnoOf } from '../errors.ts';
import { digestOfFile } from '../base/files/file-digest.ts';
import { identityAt } from '../base/files/file-identity.ts';
import { namesIn } from '../base/files/names-in.ts';
import { readIfThere } from '../base/files/read-if-there.ts';
import { mergeTags, type RepomdTags } from '../rpm/repodata/repomd-tags.ts';
import { type MetadataFile, renderData, withCarriedData } from '../rpm/repodata/repomd.ts';
import { digestOfContent } from '../base/unpack/digest-of-content.ts';
import { openMetadata } from '../base/unpack/open-metadata.ts';
import type { ContentChecks, ContentSender } from './content-checks.ts';

/** Metadata that is not derived from the packages, on its way into a repository: comps, updateinfo, modules, ... */
export interface ForeignMetadata {
  /**
   * Checks a file and packs it, when its turn has come.
   * @param path plain or compressed, on the mount of the state directory; the caller removes it.
   * @throws AppError PARAMETER_INVALID; as ContentChecks.check().
   */
  pack(type: string, path: string, sender: ContentSender): Promise<PackedMetadata>;
  /**
   * Keeps packed metadata durably until the next run publishes it in place of the one of that type. It takes the place of
   * what waits of that type, but for the same content. Calls for one repository come one after the other.
   */
  keep(repository: RepositoryName, packed: PackedMetadata): Promise<KeptChange>;
  /** Keeps durably that the next run takes a type out of the repository; it takes the place of what waits of that type. */
  keepRemoval(repository: RepositoryName, type: string): Promise<KeptChange>;
  /** Keeps tags durably until the next run adds them to those of the repository. */
  keepTags(repository: RepositoryName, tags: RepomdTags): Promise<void>;
  /** The types of which something waits to be published, read at once. */
  waitingTypes(repository: RepositoryName): readonly string[];
  /** What waits of a type; undefined when nothing does, or only a damaged file. */
  waitingOf(repository: RepositoryName, type: string): Promise<WaitingChange | undefined>;
  /** True when something waits to be published. */
  isWaiting(repository: RepositoryName): Promise<boolean>;
  /**
   * Adds what waits to new metadata that is not public yet. A file that was damaged since it was put is set aside under
   * another name, which `warn` is told, so that packages are indexed all the same.
   */
  addTo(
    scratchDir: string,
    repository: RepositoryName,
    warn: (path: string, error: unknown) => void,
  ): Promise<AddedChanges>;
  /** Ends the check under way, and refuses what waits for one. */
  close(): void;
}

/** Metadata that was checked; leaving the scope removes what was not kept. */
export interface PackedMetadata extends AsyncDisposable {
  readonly type: string;
  /** One gzip member. */
  readonly path: string;
  /** Of its uncompressed content. */
  readonly openSha256: string;
}

/** What waits of a type: other content, or that the type goes. */
export type WaitingChange =
  | { readonly kind: 'content'; readonly path: string; readonly openSha256: string }
  | { readonly kind: 'removal' };

/**
 * What became of a change: it waits, it is public (or was, until a later one), a later one took its place before, or its file was
 * damaged on the disk.
 */
export type ChangeFate = 'waiting' | 'published' | 'replaced' | 'damaged';

/** A change that was kept, as long as its sender waits for what becomes of it. */
export interface KeptChange extends Disposable {
  readonly fate: () => ChangeFate;
}

/** The changes of a run; leaving the scope says that the run has ended. */
export interface AddedChanges extends Disposable {
  /** The types that are replaced or removed. */
  readonly endedTypes: ReadonlySet<string>;
  readonly tags: RepomdTags | undefined;
  /** Forgets what is public now; what was kept since stays. */
  readonly published: () => Promise<void>;
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
// In place of a file of that name, which is gzip: a rename of either replaces the other.
const REMOVAL = 'removed\n';
const TAGS_NAME = 'tags.json';
const KEPT_TAGS = {
  type: 'object',
  properties: {
    content: { type: 'array', items: { type: 'string' } },
    repo: { type: 'array', items: { type: 'string' } },
    distro: {
      type: 'array',
      items: {
        type: 'object',
        properties: { cpeid: { type: 'string' }, name: { type: 'string' } },
        required: ['name'],
      },
    },
  },
  required: ['content', 'repo', 'distro'],
} as const satisfies JsonSchema;
const MAX_DIGESTS = 1000;

/** The file that a change is, and what is known of it. */
interface Watched {
  readonly path: string;
  readonly identity: string | undefined;
  end: 'published' | 'damaged' | undefined;
}

/** A file that a run publishes or removes a type for. */
interface Added {
  readonly path: string;
  readonly identity: string;
  readonly type: string;
  /** For repomd.xml; undefined of a removal. */
  readonly element?: string;
}

/**
 * Keeps what waits in `<metadataDir>/<releasever>@<basearch>/<type>.gz`, a name that one rename replaces; tags in `tags.json`
 * beside it.
 */
export function createForeignMetadata(
  metadataDir: string,
  checks: ContentChecks,
  now: () => number,
): ForeignMetadata {
  const directoryOf = (repository: RepositoryName): string =>
    join(metadataDir, toRepositoryFileName(repository));
  const waitingIn = async (repository: RepositoryName): Promise<readonly string[]> =>
    (await namesIn(directoryOf(repository))).filter((name) => WAITING_NAME.test(name));

  const watched = new Set<Watched>();
  /** Of the files that runs under way may publish, whatever is put in their place meanwhile. */
  const inRuns = new Set<string>();
  const digests = new Map<string, string>();

  return {
    pack: async (type, path, sender) => {
      checkType(type);
      const packedPath = `${path}.gz`;
      const remove = (): Promise<void> => rm(packedPath, { force: true });
      try {
        const { openSha256 } = await checks.check({ type, path, packedPath }, sender);
        await syncFile(packedPath);
        return { type, path: packedPath, openSha256, [Symbol.asyncDispose]: remove };
      } catch (error) {
        await remove();
        throw error;
      }
    },
    keep: async (repository, { type, path, openSha256 }) => {
      const kept = pathOf(repository, type);
      const waiting = await waitingAt(kept);
      const isThere = waiting?.kind === 'content' && waiting.openSha256 === openSha256;
      if (isThere && identityAt(kept) === waiting.identity) return watch(kept);
      await makeDirectoryDurable(directoryOf(repository));
      await rename(path, kept);
      noteDigest(kept, openSha256);
      const change = watch(kept);
      await syncDirectory(directoryOf(repository));
      return change;
    },
    keepRemoval: async (repository, type) => {
      const kept = pathOf(repository, type);
      await replaceDurable(kept, REMOVAL);
      return watch(kept);
    },
    keepTags: (repository, tags) =>
      replaceDurable(join(directoryOf(repository), TAGS_NAME), JSON.stringify(tags)),
    close: checks.close,
    waitingTypes: (repository) =>
      namesAt(directoryOf(repository)).flatMap((name) => WAITING_NAME.exec(name)?.groups?.['type'] ?? []),
    waitingOf: (repository, type) => waitingAt(pathOf(repository, type)),
    isWaiting: async (repository) =>
      (await namesIn(directoryOf(repository))).some((name) => WAITING_NAME.test(name) || name === TAGS_NAME),
    addTo: async (scratchDir, repository, warn) => {
      const added: Added[] = [];
      const end = (): void => {
        for (const { identity } of added) inRuns.delete(identity);
      };
      try {
        for (const name of await waitingIn(repository)) {
          const type = WAITING_NAME.exec(name)?.groups?.['type'] ?? '';
          const one = await addFile({ scratchDir, path: join(directoryOf(repository), name), type }, warn);
          if (one !== undefined) added.push(one);
        }
        const elements = added.flatMap(({ element }) => element ?? []);
        if (elements.length > 0) await addElements(scratchDir, elements);
        const tags = await readTags(join(directoryOf(repository), TAGS_NAME), warn);
        return {
          endedTypes: new Set(added.map(({ type }) => type)),
          tags: tags?.tags,
          published: () => forget(tags === undefined ? added : [...added, tags]),
          [Symbol.dispose]: end,
        };
      } catch (error) {
        end();
        throw error;
      }
    },
  };

  /** Undefined for a damaged file, which is set aside. */
  async function addFile(
    { scratchDir, path, type }: { readonly scratchDir: string; readonly path: string; readonly type: string },
    warn: (path: string, error: unknown) => void,
  ): Promise<Added | undefined> {
    const linked = join(scratchDir, basename(path));
    // From here on it is this file, whatever is put in its place.
    await link(path, linked);
    const identity = identityAt(linked) ?? '';
    inRuns.add(identity);
    if (await isRemoval(linked)) return { path, identity, type };
    try {
      const file = await describe(linked, type, now());
      await rename(linked, join(scratchDir, file.href));
      return { path, identity, type, element: renderData(file).trim() };
    } catch (error) {
      inRuns.delete(identity);
      if (!(error instanceof AppError)) throw error;
      await rename(path, `${path}.damaged`);
      endWatched(path, identity, 'damaged');
      warn(`${path}.damaged`, error);
      return undefined;
    }
  }

  async function forget(added: readonly Pick<Added, 'path' | 'identity'>[]): Promise<void> {
    for (const { path, identity } of added) {
      if (identityAt(path) === identity) await rm(path, { force: true });
      endWatched(path, identity, 'published');
    }
  }

  function pathOf(repository: RepositoryName, type: string): string {
    return join(directoryOf(repository), `${type}.gz`);
  }

  async function waitingAt(
    path: string,
  ): Promise<(WaitingChange & { readonly identity: string }) | undefined> {
    const identity = identityAt(path);
    if (identity === undefined) return undefined;
    try {
      if (await isRemoval(path)) return { kind: 'removal', identity };
      const openSha256 = digests.get(`${path}\n${identity}`) ?? (await digestOfContent(path));
      if (identityAt(path) === identity) noteDigest(path, openSha256);
      return { kind: 'content', path, openSha256, identity };
    } catch (error) {
      // A run publishes it meanwhile; or it is damaged, which the next run says.
      if (errnoOf(error) === 'ENOENT' || error instanceof AppError) return undefined;
      throw error;
    }
  }

  function noteDigest(path: string, openSha256: string): void {
    // One file a type is of use; the digest of another is made again.
    if (digests.size > MAX_DIGESTS) digests.clear();
    digests.set(`${path}\n${identityAt(path) ?? ''}`, openSha256);
  }

  function watch(path: string): KeptChange {
    const one: Watched = { path, identity: identityAt(path), end: undefined };
    watched.add(one);
    return {
      fate: () => {
        if (one.end !== undefined) return one.end;
        const isOpen = one.identity !== undefined && inRuns.has(one.identity);
        return isOpen || identityAt(path) === one.identity ? 'waiting' : 'replaced';
      },
      [Symbol.dispose]: () => void watched.delete(one),
    };
  }

  function endWatched(path: string, identity: string | undefined, end: 'published' | 'damaged'): void {
    for (const one of watched) {
      if (one.path === path && one.identity === identity) one.end ??= end;
    }
  }
}

async function readTags(
  path: string,
  warn: (path: string, error: unknown) => void,
): Promise<(Pick<Added, 'path' | 'identity'> & { readonly tags: RepomdTags }) | undefined> {
  const identity = identityAt(path);
  const text = await readIfThere(path);
  if (identity === undefined || text === undefined) return undefined;
  try {
    const tags: unknown = JSON.parse(text);
    if (!fitsSchema(KEPT_TAGS, tags)) throw new Error(`${TAGS_NAME} does not hold tags`);
    return { path, identity, tags: mergeTags([tags]) };
  } catch (error) {
    await rename(path, `${path}.damaged`);
    warn(`${path}.damaged`, error);
    return undefined;
  }
}

async function isRemoval(path: string): Promise<boolean> {
  return (await stat(path)).size === REMOVAL.length && (await readFile(path, 'latin1')) === REMOVAL;
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
