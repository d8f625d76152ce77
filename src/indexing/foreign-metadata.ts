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
import { isForeignType } from '../rpm/foreign-types.ts';
import { mergeTags, type RepomdTags } from '../rpm/repodata/repomd-tags.ts';
import { type MetadataFile, renderData, withCarriedData } from '../rpm/repodata/repomd.ts';
import { digestOfContent } from '../base/unpack/digest-of-content.ts';
import { openMetadata } from '../base/unpack/open-metadata.ts';
import type { ContentChecks, ContentSender } from './content-checks.ts';
import { type KeptChange, KeptChanges } from './kept-changes.ts';

/** Metadata that was checked; leaving the scope removes it unless it was kept. */
export interface PackedMetadata extends AsyncDisposable {
  readonly type: string;
  /** One gzip member. */
  readonly path: string;
  /** Of its uncompressed content. */
  readonly openSha256: string;
}

/** A waiting change of a type: other content, or its removal. */
export type WaitingChange =
  | { readonly kind: 'content'; readonly path: string; readonly openSha256: string }
  | { readonly kind: 'removal' };

/** The changes of a run; leaving the scope says that the run has ended. */
export interface AddedChanges extends Disposable {
  /** The types that are replaced or removed. */
  readonly endedTypes: ReadonlySet<string>;
  readonly tags: RepomdTags | undefined;
  /** Forgets the changes that are public now; those that were kept since stay. */
  readonly published: () => Promise<void>;
}

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

/** A file with which a run publishes or removes a type. */
interface Added {
  readonly path: string;
  readonly identity: string;
  readonly type: string;
  /** For repomd.xml; undefined of a removal. */
  readonly element?: string;
}

/** Told where a damaged file was set aside. */
type WarnOfDamage = (path: string, error: unknown) => void;

/**
 * Metadata that is not derived from the packages, on its way into a repository: comps, updateinfo, modules, ... What waits lies
 * in `<metadataDir>/<releasever>@<basearch>/<type>.gz`, a name that one rename replaces; tags in `tags.json` beside it.
 */
export class ForeignMetadata {
  readonly #metadataDir: string;
  readonly #checks: ContentChecks;
  readonly #now: () => number;
  readonly #changes = new KeptChanges();
  /** Of files that wait, by path and identity. */
  readonly #digests = new Map<string, string>();

  constructor(metadataDir: string, checks: ContentChecks, now: () => number) {
    this.#metadataDir = metadataDir;
    this.#checks = checks;
    this.#now = now;
  }

  /**
   * Checks a file and packs it, when its turn has come.
   * @param path plain or compressed, on the mount of the state directory; the caller removes it.
   * @throws AppError PARAMETER_INVALID; as ContentChecks.check().
   */
  async pack(type: string, path: string, sender: ContentSender): Promise<PackedMetadata> {
    checkType(type);
    const packedPath = `${path}.gz`;
    const remove = (): Promise<void> => rm(packedPath, { force: true });
    try {
      const { openSha256 } = await this.#checks.check({ type, path, packedPath }, sender);
      await syncFile(packedPath);
      return { type, path: packedPath, openSha256, [Symbol.asyncDispose]: remove };
    } catch (error) {
      await remove();
      throw error;
    }
  }

  /**
   * Keeps packed metadata durably until the next run publishes it in place of that of the same type. It replaces a
   * change of that type that still waits, unless the content is the same. Calls for one repository come one after the
   * other.
   */
  async keep(repository: RepositoryName, { type, path, openSha256 }: PackedMetadata): Promise<KeptChange> {
    const directory = this.#directoryOf(repository);
    const kept = this.#pathOf(repository, type);
    const waiting = await this.#waitingAt(kept);
    const isThere = waiting?.kind === 'content' && waiting.openSha256 === openSha256;
    if (isThere && identityAt(kept) === waiting.identity) return this.#changes.watch(kept);
    await makeDirectoryDurable(directory);
    await rename(path, kept);
    this.#noteDigest(kept, openSha256);
    const change = this.#changes.watch(kept);
    await syncDirectory(directory);
    return change;
  }

  /**
   * Keeps durably that the next run removes a type from the repository; it replaces a change of that type that still
   * waits.
   */
  async keepRemoval(repository: RepositoryName, type: string): Promise<KeptChange> {
    const kept = this.#pathOf(repository, type);
    await replaceDurable(kept, REMOVAL);
    return this.#changes.watch(kept);
  }

  /** Keeps tags durably until the next run adds them to those of the repository. */
  async keepTags(repository: RepositoryName, tags: RepomdTags): Promise<void> {
    await replaceDurable(join(this.#directoryOf(repository), TAGS_NAME), JSON.stringify(tags));
  }

  /** The types for which a change waits to be published, read at once. */
  waitingTypes(repository: RepositoryName): readonly string[] {
    return namesAt(this.#directoryOf(repository)).flatMap((name) => waitingTypeOf(name) ?? []);
  }

  /** The waiting change of a type; undefined when there is none, or only a damaged file. */
  waitingOf(repository: RepositoryName, type: string): Promise<WaitingChange | undefined> {
    return this.#waitingAt(this.#pathOf(repository, type));
  }

  /** True when a change waits to be published. */
  async isWaiting(repository: RepositoryName): Promise<boolean> {
    const names = await namesIn(this.#directoryOf(repository));
    return names.some((name) => waitingTypeOf(name) !== undefined || name === TAGS_NAME);
  }

  /**
   * Adds the waiting changes to new metadata that is not public yet. A file that was damaged since it was put is set
   * aside under another name, which `warn` gets, so that packages are indexed all the same.
   */
  async addTo(scratchDir: string, repository: RepositoryName, warn: WarnOfDamage): Promise<AddedChanges> {
    const added: Added[] = [];
    const directory = this.#directoryOf(repository);
    const end = (): void => {
      for (const { identity } of added) this.#changes.leaveRun(identity);
    };
    try {
      for (const name of await namesIn(directory)) {
        const type = waitingTypeOf(name);
        if (type === undefined) continue;
        const one = await this.#addFile({ scratchDir, path: join(directory, name), type }, warn);
        if (one !== undefined) added.push(one);
      }
      const elements = added.flatMap(({ element }) => element ?? []);
      if (elements.length > 0) await addElements(scratchDir, elements);
      const tags = await readTags(join(directory, TAGS_NAME), warn);
      return {
        endedTypes: new Set(added.map(({ type }) => type)),
        tags: tags?.tags,
        published: () => this.#forget(tags === undefined ? added : [...added, tags]),
        [Symbol.dispose]: end,
      };
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Ends the check under way, and refuses files that wait for one. */
  close(): void {
    this.#checks.close();
  }

  /** Undefined for a damaged file, which is set aside. */
  async #addFile(
    { scratchDir, path, type }: { readonly scratchDir: string; readonly path: string; readonly type: string },
    warn: WarnOfDamage,
  ): Promise<Added | undefined> {
    const linked = join(scratchDir, basename(path));
    // From here on the run uses this file, even when another one replaces it.
    await link(path, linked);
    const identity = identityAt(linked) ?? '';
    this.#changes.enterRun(identity);
    if (await isRemoval(linked)) return { path, identity, type };
    try {
      const file = await describe(linked, type, this.#now());
      await rename(linked, join(scratchDir, file.href));
      return { path, identity, type, element: renderData(file).trim() };
    } catch (error) {
      this.#changes.leaveRun(identity);
      if (!(error instanceof AppError)) throw error;
      await rename(path, `${path}.damaged`);
      this.#changes.end(path, identity, 'damaged');
      warn(`${path}.damaged`, error);
      return undefined;
    }
  }

  async #forget(added: readonly Pick<Added, 'path' | 'identity'>[]): Promise<void> {
    for (const { path, identity } of added) {
      if (identityAt(path) === identity) await rm(path, { force: true });
      this.#changes.end(path, identity, 'published');
    }
  }

  async #waitingAt(path: string): Promise<(WaitingChange & { readonly identity: string }) | undefined> {
    const identity = identityAt(path);
    if (identity === undefined) return undefined;
    try {
      if (await isRemoval(path)) return { kind: 'removal', identity };
      const openSha256 = this.#digests.get(`${path}\n${identity}`) ?? (await digestOfContent(path));
      if (identityAt(path) === identity) this.#noteDigest(path, openSha256);
      return { kind: 'content', path, openSha256, identity };
    } catch (error) {
      // A run publishes it meanwhile; or it is damaged, which the next run reports.
      if (errnoOf(error) === 'ENOENT' || error instanceof AppError) return undefined;
      throw error;
    }
  }

  #noteDigest(path: string, openSha256: string): void {
    // One file a type is of use; the digest of another is made again.
    if (this.#digests.size > MAX_DIGESTS) this.#digests.clear();
    this.#digests.set(`${path}\n${identityAt(path) ?? ''}`, openSha256);
  }

  #directoryOf(repository: RepositoryName): string {
    return join(this.#metadataDir, toRepositoryFileName(repository));
  }

  #pathOf(repository: RepositoryName, type: string): string {
    return join(this.#directoryOf(repository), `${type}.gz`);
  }
}

/** Undefined for a name that is not of a type that waits. */
function waitingTypeOf(name: string): string | undefined {
  return WAITING_NAME.exec(name)?.groups?.['type'];
}

async function readTags(
  path: string,
  warn: WarnOfDamage,
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
  if (isForeignType(type)) return;
  throw new AppError('PARAMETER_INVALID', `"${type}" is no type of metadata that can be put`, {
    hint: 'Use the type as repomd.xml names it, such as group, updateinfo or modules; primary, filelists and other come from the packages, and compression is chosen here.',
  });
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
