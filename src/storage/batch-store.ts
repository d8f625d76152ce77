import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, renameSync } from 'node:fs';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parseRepositoryName, type RepositoryName, splitRepositoryName } from '../rpm/repository-name.ts';
import { isBatchId } from '../api/batch-id.ts';
import {
  createSharedDirectorySync,
  makeDirectoryDurable,
  replaceDurable,
  syncDirectory,
} from '../base/files/durable-files.ts';
import { AppError, errnoOf } from '../errors.ts';
import { ifThere } from '../base/files/if-there.ts';
import { namesIn } from '../base/files/names-in.ts';
import { createOwnedNames, type ReachedLimit } from '../base/limits/owned-names.ts';
import { type OwnerQuota, quotaReached, QUOTAS } from '../base/limits/quotas.ts';
import { readIfThere } from '../base/files/read-if-there.ts';
import type { PackageWarning } from '../api/package-warning.ts';
import type { SignatureVerdict } from '../api/signature-verdict.ts';

/** One package of a batch, and where it goes. */
export interface BatchMember {
  /** Its name in the directory of the batch. */
  readonly file: string;
  readonly nevra: string;
  /** Of the file. */
  readonly sha256: string;
  /** Of the bytes that were sent, when the package was signed here. */
  readonly receivedSha256?: string;
  readonly sizeBytes: number;
  readonly targets: readonly { readonly repository: RepositoryName; readonly location: string }[];
  /** As each repository sees the signature. */
  readonly signatures: Readonly<Record<RepositoryName, SignatureVerdict>>;
  /** What its answers say of it. */
  readonly warnings?: readonly PackageWarning[];
  /** Since the commit was decided: whether a repository lacked it then. */
  readonly outcome?: 'created' | 'unchanged';
}

/** `committing`: it is decided that all of it goes into the tree, and not all of it is there yet. */
export type BatchState = 'staged' | 'committing' | 'committed';

/** What a batch is, without its members. */
export interface BatchStatus {
  readonly id: string;
  readonly state: BatchState;
  /** When a member last came, or the state last changed. */
  readonly changedAtMs: number;
}

export interface Batch extends BatchStatus {
  readonly members: readonly BatchMember[];
}

/** What a batch comes to. */
export interface BatchSummary extends BatchStatus {
  readonly packageCount: number;
  readonly sizeBytes: number;
  /** Every repository that a package goes to, each once. */
  readonly repositories: readonly RepositoryName[];
}

/** A prepared file that becomes a member of a batch. */
export interface PreparedMember {
  readonly path: string;
  /** Who sent it, and so owns the batch that begins with it. */
  readonly owner: string;
}

/** A member of a decided batch; `path` leads to a file that is not in the directory of the batch yet. */
export type DecidedMember = BatchMember & { readonly path?: string };

/**
 * The batches on disk. Whoever changes one has its turn. What a call did is durable when it returns, but for the removal
 * of what nobody needs any more.
 */
export interface BatchStore {
  /** Undefined where there is no such batch. @throws AppError STORAGE_FAILED when what is kept of it is damaged. */
  readonly read: (id: string) => Promise<Batch | undefined>;
  /** Quicker; a batch without any member has a status too. */
  readonly statusOf: (id: string) => Promise<BatchStatus | undefined>;
  readonly listStatus: () => Promise<readonly BatchStatus[]>;
  /** Undefined when the batch went since its status was asked, or has no member. @throws AppError as read(). */
  readonly summarise: (status: BatchStatus) => Promise<BatchSummary | undefined>;
  /** Gives a prepared file a name in the batch. @throws AppError QUOTA_REACHED. */
  readonly add: (id: string, file: PreparedMember, member: BatchMember) => Promise<void>;
  /** From now on the batch is going to be placed, whatever happens. */
  readonly decide: (id: string, members: readonly DecidedMember[]) => Promise<void>;
  /** Everything is in the tree: keeps what the batch was, and removes its files. */
  readonly finish: (id: string) => Promise<void>;
  /** Removes a batch with all that it has, at once or not at all. */
  readonly drop: (id: string) => Promise<void>;
  /** The oldest committed batches, as many as there are too many. */
  readonly listSurplus: () => readonly string[];
  readonly pathOf: (id: string, file: string) => string;
  /** The decided batches that are not in the tree yet; of one repository when it is named. */
  readonly listUnplaced: (repository?: RepositoryName) => readonly string[];
}

// Each is renamed into its place whole.
const DECISION = 'decision.json';
const PLACED = 'placed.json';
// Names the owner, whose first package began the batch; batches of an earlier version have no such file.
const OWNER = 'owner';
const PACKAGE = '.rpm';
const FACTS = '.json';

export interface BatchQuotas {
  readonly staged: OwnerQuota;
  readonly committed: OwnerQuota;
  readonly members: number;
}

const BATCH_QUOTAS: BatchQuotas = {
  staged: QUOTAS.stagedBatches,
  committed: QUOTAS.committedBatches,
  members: QUOTAS.membersOfBatch,
};

/** A summary without what may change by itself. */
type Content = Omit<BatchSummary, keyof BatchStatus>;

const NOTHING: Content = { packageCount: 0, sizeBytes: 0, repositories: [] };

/**
 * `<batchesDir>/<id>/` holds `<member>.rpm` and `<member>.json` for each member that was staged, `decision.json` from the
 * moment of the commit, and `placed.json` instead of all these when everything is in the tree; beside them `owner`.
 * @throws AppError TREE_UNUSABLE when a decision cannot be read.
 */
export async function openBatchStore(batchesDir: string, quotas = BATCH_QUOTAS): Promise<BatchStore> {
  await makeDirectoryDurable(batchesDir, 0o700);
  const syncShared = createSharedDirectorySync();
  // A batch whose decision could not be written may be among them: then there is nothing to place.
  const unplaced = new Map<string, readonly RepositoryName[]>();
  const contents = new Map<string, Content>();
  const staged = createOwnedNames(quotas.staged);
  const committed = createOwnedNames(quotas.committed);
  for (const name of await readdir(batchesDir)) {
    // What a drop left that did not come to its end.
    if (name.startsWith('.')) await rm(join(batchesDir, name), { recursive: true, force: true });
  }
  for (const { id, state } of (await listStatus()).toSorted((a, b) => a.changedAtMs - b.changedAtMs)) {
    if (state === 'committing') unplaced.set(id, repositoriesOf(await readDecision(directoryOf(id))));
    if (state === 'committed') await removePlaced(directoryOf(id));
    (state === 'committed' ? committed : staged).note(id, await readIfThere(join(directoryOf(id), OWNER)));
  }

  return {
    read,
    statusOf,
    listStatus,
    summarise,
    add: async (id, file, member) => {
      const directory = directoryOf(id);
      const content = (await contentIn(id)) ?? NOTHING;
      // The same one once more is none in addition.
      const isMember = existsSync(join(directory, member.file));
      if (!isMember && content.packageCount >= quotas.members) throw tooManyMembers(id, quotas.members);
      const reached = staged.claim(id, file.owner);
      if (reached !== undefined) throw tooManyStaged(reached);
      try {
        await addMember(id, file, member);
      } catch (error) {
        if (!existsSync(directory)) staged.release(id);
        throw error;
      }
      contents.set(id, isMember ? content : contentOf([member], content));
    },
    decide: async (id, members) => {
      const directory = directoryOf(id);
      for (const { path, file } of members) {
        if (path === undefined) continue;
        // A commit that came to no decision may have left one.
        await rm(join(directory, file), { force: true });
        linkSync(path, join(directory, file));
      }
      await syncDirectory(directory);
      const decided = members.map(({ path: _path, ...member }) => member);
      // First: once the name is there, no index run may pass it by, even if its sync fails.
      unplaced.set(id, repositoriesOf(decided));
      await replaceDurable(join(directory, DECISION), JSON.stringify(decided));
      contents.set(id, contentOf(decided));
    },
    finish: async (id) => {
      const directory = directoryOf(id);
      await rename(join(directory, DECISION), join(directory, PLACED));
      await syncDirectory(directory);
      unplaced.delete(id);
      const owner = staged.ownerOf(id);
      staged.release(id);
      committed.note(id, owner);
      await removePlaced(directory);
    },
    drop,
    listSurplus: committed.listSurplus,
    pathOf: (id, file) => join(directoryOf(id), file),
    listUnplaced: (repository) =>
      [...unplaced]
        .filter(([, repositories]) => repository === undefined || repositories.includes(repository))
        .map(([id]) => id),
  };

  function directoryOf(id: string): string {
    return join(batchesDir, id);
  }

  async function addMember(id: string, { path, owner }: PreparedMember, member: BatchMember): Promise<void> {
    const directory = directoryOf(id);
    const isNew = !existsSync(directory);
    await makeDirectoryDurable(directory, 0o700);
    // A power cut may lose it: the batch then counts for no owner, only for all of them together.
    if (isNew) await writeFile(join(directory, OWNER), owner);
    // It renews the time of the directory too, for one that is there already: the batch is as new as its last member.
    await replaceDurable(join(directory, factsFileOf(member)), JSON.stringify(member));
    linkUnlessThere(path, join(directory, member.file));
    // An earlier attempt may have ended between a name and its sync.
    await syncShared(directory);
    await syncShared(batchesDir);
  }

  async function drop(id: string): Promise<void> {
    // Under another name at once: a client must not commit what a removal has left of a batch.
    const dropped = join(batchesDir, `.${randomUUID()}`);
    renameSync(directoryOf(id), dropped);
    unplaced.delete(id);
    contents.delete(id);
    staged.release(id);
    committed.release(id);
    await syncDirectory(batchesDir);
    await rm(dropped, { recursive: true, force: true });
  }

  async function summarise(status: BatchStatus): Promise<BatchSummary | undefined> {
    const content = await contentIn(status.id);
    return content === undefined ? undefined : { ...status, ...content };
  }

  /** Remembered, since each member that comes asks, and each list. */
  async function contentIn(id: string): Promise<Content | undefined> {
    const known = contents.get(id);
    if (known !== undefined) return known;
    const batch = await read(id);
    if (batch === undefined) return undefined;
    // What came meanwhile is newer.
    const content = contents.get(id) ?? contentOf(batch.members);
    contents.set(id, content);
    return content;
  }

  async function listStatus(): Promise<readonly BatchStatus[]> {
    const statuses: BatchStatus[] = [];
    for (const entry of await readdir(batchesDir, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const status = await statusOf(entry.name);
      if (status !== undefined) statuses.push(status);
    }
    return statuses.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  async function statusOf(id: string): Promise<BatchStatus | undefined> {
    if (!isBatchId(id)) return undefined;
    const directory = directoryOf(id);
    const stats = await ifThere(stat(directory));
    // The state after the time: what is asked in the middle of a commit is rather too old than too new.
    return stats === undefined ? undefined : { id, state: stateOf(directory), changedAtMs: stats.mtimeMs };
  }

  async function read(id: string): Promise<Batch | undefined> {
    try {
      return await readOnce(id);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      // A commit or a drop came between the names and the files.
      return readOnce(id);
    }
  }

  async function readOnce(id: string): Promise<Batch | undefined> {
    const directory = directoryOf(id);
    const status = await statusOf(id);
    if (status === undefined) return undefined;
    const members =
      status.state === 'staged'
        ? await readStaged(directory, await namesIn(directory))
        : await readMembers(join(directory, status.state === 'committed' ? PLACED : DECISION));
    return members.length === 0 ? undefined : { ...status, members };
  }
}

function stateOf(directory: string): BatchState {
  // In this order: the one is renamed into the other.
  if (existsSync(join(directory, DECISION))) return 'committing';
  return existsSync(join(directory, PLACED)) ? 'committed' : 'staged';
}

/** What members come to, with what there was before them. */
export function contentOf(members: readonly BatchMember[], before = NOTHING): Content {
  return {
    packageCount: before.packageCount + members.length,
    sizeBytes: members.reduce((sum, { sizeBytes }) => sum + sizeBytes, before.sizeBytes),
    repositories: [...new Set([...before.repositories, ...repositoriesOf(members)])].toSorted(),
  };
}

function tooManyStaged({ by, limit }: ReachedLimit): AppError {
  return quotaReached({
    quota: 'stagedBatches',
    limit,
    detail: `${by} may have ${limit} batches that are not committed, and so many are there`,
    hint: 'Commit some of them or drop them (DELETE /api/v1/batches/<id>); GET /api/v1/batches lists them.',
  });
}

function tooManyMembers(id: string, limit: number): AppError {
  return quotaReached({
    quota: 'membersOfBatch',
    limit,
    detail: `the batch ${id} has ${limit} packages, as many as a batch may have`,
    hint: 'Commit it, and take another batch for the rest.',
  });
}

async function readStaged(directory: string, names: readonly string[]): Promise<readonly BatchMember[]> {
  const members: BatchMember[] = [];
  for (const name of names.filter((one) => one.endsWith(PACKAGE)).toSorted()) {
    const path = join(directory, `${name.slice(0, -PACKAGE.length)}${FACTS}`);
    members.push(toMember(await readJson<WrittenMember>(path), path));
  }
  return members;
}

async function readMembers(path: string): Promise<readonly BatchMember[]> {
  const members = await readJson<readonly WrittenMember[]>(path);
  if (Array.isArray(members)) return members.map((member) => toMember(member, path));
  throw damaged(path, new TypeError('expected a list'));
}

type WrittenMember = Omit<BatchMember, 'targets'> & {
  readonly targets: readonly { readonly repository: string; readonly location: string }[];
};

function toMember(written: WrittenMember, path: string): BatchMember {
  const targets = written.targets.map(({ repository: text, location }) => {
    const repository = parseRepositoryName(text);
    if (repository === undefined) throw damaged(path, new TypeError(`${text} is no repository name`));
    return { repository, location };
  });
  return { ...written, targets };
}

/** Nobody else writes there. */
async function readJson<Content>(path: string): Promise<Content> {
  const text = await readFile(path, 'utf8');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw damaged(path, cause);
  }
}

function damaged(path: string, cause: unknown): AppError {
  // Without the path: a client asks for a batch by its name.
  const what = `${basename(path)} of the batch ${basename(dirname(path))}`;
  return new AppError('STORAGE_FAILED', `${what} is damaged`, {
    hint: 'Restore the file from a backup; or stop the service, move the directory of the batch away, and send its packages again.',
    cause,
  });
}

/** A tree that publishes without what was decided would show a part of it. */
async function readDecision(directory: string): Promise<readonly BatchMember[]> {
  try {
    return await readMembers(join(directory, DECISION));
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    const message = `${join(directory, DECISION)} is damaged`;
    throw new AppError('TREE_UNUSABLE', message, { hint: cause.hint, cause });
  }
}

async function removePlaced(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name !== PLACED && name !== OWNER) await rm(join(directory, name), { force: true });
  }
}

/** Every repository that a package of the batch goes to, each once. */
export function repositoriesOf(members: readonly Pick<BatchMember, 'targets'>[]): readonly RepositoryName[] {
  const all = members.flatMap(({ targets }) => targets.map(({ repository }) => repository));
  return [...new Set(all)].toSorted();
}

/** The name of a member's file. The same package for two releasevers is two members, however they were said. */
export function memberFile(sha256: string, targets: BatchMember['targets']): string {
  const [first] = targets;
  const releasever = first === undefined ? '' : splitRepositoryName(first.repository).releasever;
  return `${sha256}@${releasever}${PACKAGE}`;
}

/** @throws AppError NOT_FOUND. */
export async function readBatch(id: string, batches: Pick<BatchStore, 'read'>): Promise<Batch> {
  const batch = await batches.read(id);
  if (batch === undefined) throw noBatch(id);
  return batch;
}

export function noBatch(id: string): AppError {
  return new AppError('NOT_FOUND', `there is no batch ${id}`, {
    hint: 'GET /api/v1/batches lists the batches; an upload with ?batch= opens one.',
  });
}

function factsFileOf({ file }: BatchMember): string {
  return `${file.slice(0, -PACKAGE.length)}${FACTS}`;
}

function linkUnlessThere(path: string, target: string): void {
  try {
    linkSync(path, target);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}
