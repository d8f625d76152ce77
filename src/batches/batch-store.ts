import { randomUUID } from 'node:crypto';
import { linkSync, renameSync, statSync, utimesSync } from 'node:fs';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isBatchId } from '../batch-id.ts';
import {
  createSharedDirectorySync,
  makeDirectoryDurable,
  replaceDurable,
  syncDirectory,
} from '../durable-files.ts';
import { AppError, errnoOf } from '../errors.ts';
import { namesIn } from '../names-in.ts';
import type { SignatureVerdict } from '../signing/signature-verdict.ts';

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
  readonly targets: readonly { readonly repository: string; readonly location: string }[];
  /** As each repository sees the signature. */
  readonly signatures: Readonly<Record<string, SignatureVerdict>>;
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
  /** Every repository that a package of a batch goes to; remembered, since each member that comes asks. */
  readonly repositoriesOf: (id: string) => Promise<readonly string[]>;
  /** Gives a prepared file a name in the batch. */
  readonly add: (id: string, path: string, member: BatchMember) => Promise<void>;
  /** From now on the batch is going to be placed, whatever happens. */
  readonly decide: (id: string, members: readonly DecidedMember[]) => Promise<void>;
  /** Everything is in the tree: keeps what the batch was, and removes its files. */
  readonly finish: (id: string) => Promise<void>;
  /** Removes a batch with all that it has, at once or not at all. */
  readonly drop: (id: string) => Promise<void>;
  readonly pathOf: (id: string, file: string) => string;
  /** The decided batches that are not in the tree yet; of one repository when it is named. */
  readonly listUnplaced: (repository?: string) => readonly string[];
}

// Each is renamed into its place whole.
const DECISION = 'decision.json';
const PLACED = 'placed.json';
const PACKAGE = '.rpm';
const FACTS = '.json';

/**
 * `<batchesDir>/<id>/` holds `<member>.rpm` and `<member>.json` for each member that was staged, `decision.json` from the
 * moment of the commit, and `placed.json` instead of all when everything is in the tree.
 * @throws AppError TREE_UNUSABLE when a decision cannot be read.
 */
export async function openBatchStore(batchesDir: string): Promise<BatchStore> {
  await makeDirectoryDurable(batchesDir, 0o700);
  const syncShared = createSharedDirectorySync();
  // A batch whose decision could not be written may be among them: then there is nothing to place.
  const unplaced = new Map<string, readonly string[]>();
  const repositoriesById = new Map<string, ReadonlySet<string>>();
  for (const name of await readdir(batchesDir)) {
    // What a drop left that did not come to its end.
    if (name.startsWith('.')) await rm(join(batchesDir, name), { recursive: true, force: true });
  }
  for (const { id, state } of await listStatus()) {
    if (state === 'committing') unplaced.set(id, repositoriesOf(await readDecision(directoryOf(id))));
    if (state === 'committed') await removePlaced(directoryOf(id));
  }

  return {
    read,
    statusOf: async (id) => statusIn(id, await namesIn(directoryOf(id))),
    listStatus,
    repositoriesOf: async (id) => [...(await repositoriesIn(id))],
    add: async (id, path, member) => {
      const directory = directoryOf(id);
      const repositories = await repositoriesIn(id);
      await makeDirectoryDurable(directory, 0o700);
      await replaceDurable(join(directory, factsFileOf(member)), JSON.stringify(member));
      linkUnlessThere(path, join(directory, member.file));
      // An earlier attempt may have ended between a name and its sync; and the batch is as new as its last member.
      const now = new Date();
      utimesSync(directory, now, now);
      await syncShared(directory);
      await syncShared(batchesDir);
      repositoriesById.set(id, new Set([...repositories, ...repositoriesOf([member])]));
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
    },
    finish: async (id) => {
      const directory = directoryOf(id);
      await rename(join(directory, DECISION), join(directory, PLACED));
      await syncDirectory(directory);
      unplaced.delete(id);
      await removePlaced(directory);
    },
    drop: async (id) => {
      // Half a batch must not be there for somebody to commit.
      const dropped = join(batchesDir, `.${randomUUID()}`);
      renameSync(directoryOf(id), dropped);
      unplaced.delete(id);
      repositoriesById.delete(id);
      await syncDirectory(batchesDir);
      await rm(dropped, { recursive: true, force: true });
    },
    pathOf: (id, file) => join(directoryOf(id), file),
    listUnplaced: (repository) =>
      [...unplaced]
        .filter(([, repositories]) => repository === undefined || repositories.includes(repository))
        .map(([id]) => id),
  };

  function directoryOf(id: string): string {
    return join(batchesDir, id);
  }

  async function repositoriesIn(id: string): Promise<ReadonlySet<string>> {
    const known = repositoriesById.get(id) ?? new Set(repositoriesOf((await read(id))?.members ?? []));
    repositoriesById.set(id, known);
    return known;
  }

  async function listStatus(): Promise<readonly BatchStatus[]> {
    const statuses: BatchStatus[] = [];
    for (const entry of await readdir(batchesDir, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const status = statusIn(entry.name, await namesIn(directoryOf(entry.name)));
      if (status !== undefined) statuses.push(status);
    }
    return statuses.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  function statusIn(id: string, names: readonly string[]): BatchStatus | undefined {
    if (!isBatchId(id)) return undefined;
    const stats = statSync(directoryOf(id), { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    return { id, state: stateOf(names), changedAtMs: stats.mtimeMs };
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
    const names = isBatchId(id) ? await namesIn(directory) : [];
    const status = statusIn(id, names);
    if (status === undefined) return undefined;
    const members =
      status.state === 'staged'
        ? await readStaged(directory, names)
        : await readMembers(join(directory, status.state === 'committed' ? PLACED : DECISION));
    return members.length === 0 ? undefined : { ...status, members };
  }
}

function stateOf(names: readonly string[]): BatchState {
  if (names.includes(PLACED)) return 'committed';
  return names.includes(DECISION) ? 'committing' : 'staged';
}

async function readStaged(directory: string, names: readonly string[]): Promise<readonly BatchMember[]> {
  const members: BatchMember[] = [];
  for (const name of names.filter((one) => one.endsWith(PACKAGE)).toSorted()) {
    members.push(await readJson(join(directory, `${name.slice(0, -PACKAGE.length)}${FACTS}`)));
  }
  return members;
}

async function readMembers(path: string): Promise<readonly BatchMember[]> {
  const members = await readJson<readonly BatchMember[]>(path);
  if (Array.isArray(members)) return members;
  throw damaged(path, new TypeError('expected a list'));
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
  return new AppError('STORAGE_FAILED', `${path} is damaged`, {
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
    throw new AppError('TREE_UNUSABLE', cause.message, { hint: cause.hint, cause });
  }
}

async function removePlaced(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name !== PLACED) await rm(join(directory, name), { force: true });
  }
}

/** Every repository that a package of the batch goes to, each once. */
export function repositoriesOf(members: readonly Pick<BatchMember, 'targets'>[]): readonly string[] {
  const all = members.flatMap(({ targets }) => targets.map(({ repository }) => repository));
  return [...new Set(all)].toSorted();
}

/** The name of a member's file. The same package for two releasevers is two members, however they were said. */
export function memberFile(sha256: string, targets: BatchMember['targets']): string {
  const [releasever = ''] = targets[0]?.repository.split('/') ?? [];
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
