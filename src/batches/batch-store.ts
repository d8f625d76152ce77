import { existsSync, linkSync, renameSync, statSync, utimesSync } from 'node:fs';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { makeDirectoryDurable, replaceDurable, syncDirectory } from '../durable-files.ts';
import { isBatchId } from '../batch-id.ts';
import { AppError } from '../errors.ts';
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
}

/** `committing`: it is decided that all of it goes into the tree, and not all of it is there yet. */
export type BatchState = 'staged' | 'committing' | 'committed';

export interface Batch {
  readonly id: string;
  readonly state: BatchState;
  readonly members: readonly BatchMember[];
  /** When a member last came, or the state last changed. */
  readonly changedAtMs: number;
}

/** A member of a decided batch; `path` leads to a file that is not in the directory of the batch yet. */
export type DecidedMember = BatchMember & { readonly path?: string };

/**
 * The batches on disk. Whoever changes one has its turn. What a call did is durable when it returns, but for `forget`,
 * which may be repeated.
 */
export interface BatchStore {
  /** Undefined where there is no such batch. */
  readonly read: (id: string) => Promise<Batch | undefined>;
  readonly list: () => Promise<readonly Batch[]>;
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

// Each file is renamed into its place whole.
const DECISION = 'decision.json';
const PLACED = 'placed.json';
const PACKAGE = '.rpm';
const FACTS = '.json';

/**
 * `<batchesDir>/<id>/` holds `<member>.rpm` and `<member>.json` for each member that was staged, `decision.json` from the
 * moment of the commit, and `placed.json` instead of both when all is in the tree.
 */
export async function openBatchStore(batchesDir: string): Promise<BatchStore> {
  await makeDirectoryDurable(batchesDir, 0o700);
  const unplaced = new Map<string, readonly string[]>();
  for (const name of await namesIn(batchesDir)) {
    // What a drop left that did not come to its end.
    if (name.startsWith('.')) await rm(join(batchesDir, name), { recursive: true, force: true });
  }
  for (const { id, state, members } of await list()) {
    if (state === 'committing') unplaced.set(id, repositoriesOf(members));
    if (state === 'committed') await removePlaced(id);
  }

  return {
    read,
    list,
    add: async (id, path, member) => {
      const directory = join(batchesDir, id);
      const target = join(directory, member.file);
      if (existsSync(target)) {
        const now = new Date();
        utimesSync(directory, now, now);
        return;
      }
      await makeDirectoryDurable(directory, 0o700);
      await replaceDurable(join(directory, factsFileOf(member)), JSON.stringify(member));
      linkSync(path, target);
      await syncDirectory(directory);
    },
    decide: async (id, members) => {
      const directory = join(batchesDir, id);
      for (const { path, file } of members) {
        if (path === undefined) continue;
        // A commit that came to no decision may have left one.
        await rm(join(directory, file), { force: true });
        linkSync(path, join(directory, file));
      }
      await syncDirectory(directory);
      const decided = members.map(({ path: _path, ...member }) => member);
      await replaceDurable(join(directory, DECISION), JSON.stringify(decided));
      unplaced.set(id, repositoriesOf(decided));
    },
    finish: async (id) => {
      const directory = join(batchesDir, id);
      await rename(join(directory, DECISION), join(directory, PLACED));
      await syncDirectory(directory);
      unplaced.delete(id);
      await removePlaced(id);
    },
    drop: async (id) => {
      // Half a batch must not be there for somebody to commit.
      const dropped = join(batchesDir, `.${randomUUID()}`);
      renameSync(join(batchesDir, id), dropped);
      await syncDirectory(batchesDir);
      await rm(dropped, { recursive: true, force: true });
    },
    pathOf: (id, file) => join(batchesDir, id, file),
    listUnplaced: (repository) =>
      [...unplaced]
        .filter(([, repositories]) => repository === undefined || repositories.includes(repository))
        .map(([id]) => id),
  };

  async function removePlaced(id: string): Promise<void> {
    const directory = join(batchesDir, id);
    for (const name of await readdir(directory)) {
      if (name !== PLACED) await rm(join(directory, name), { force: true });
    }
  }

  async function list(): Promise<readonly Batch[]> {
    const batches: Batch[] = [];
    for (const id of (await readdir(batchesDir)).toSorted()) {
      const batch = await read(id);
      if (batch !== undefined) batches.push(batch);
    }
    return batches;
  }

  async function read(id: string): Promise<Batch | undefined> {
    if (!isBatchId(id)) return undefined;
    const directory = join(batchesDir, id);
    const stats = statSync(directory, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    const facts = { id, changedAtMs: stats.mtimeMs };
    const names = new Set(await readdir(directory));
    if (names.has(PLACED)) {
      return { ...facts, state: 'committed', members: await readMembers(join(directory, PLACED)) };
    }
    if (names.has(DECISION)) {
      return { ...facts, state: 'committing', members: await readMembers(join(directory, DECISION)) };
    }
    const members: BatchMember[] = [];
    for (const name of [...names].filter((one) => one.endsWith(PACKAGE)).toSorted()) {
      const factsFile = join(directory, `${name.slice(0, -PACKAGE.length)}${FACTS}`);
      members.push(JSON.parse(await readFile(factsFile, 'utf8')));
    }
    return members.length === 0 ? undefined : { ...facts, state: 'staged', members };
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

function factsFileOf({ file }: BatchMember): string {
  return `${file.slice(0, -PACKAGE.length)}${FACTS}`;
}

/** Nobody else writes there. */
async function readMembers(path: string): Promise<readonly BatchMember[]> {
  return JSON.parse(await readFile(path, 'utf8'));
}

/** @throws AppError NOT_FOUND. */
export async function readBatch(id: string, batches: Pick<BatchStore, 'read'>): Promise<Batch> {
  const batch = await batches.read(id);
  if (batch === undefined) throw noBatch(id);
  return batch;
}

export function noBatch(id: string): AppError {
  return new AppError('NOT_FOUND', `there is no batch ${id}`, {
    hint: 'GET /api/v1/batches lists the batches; an upload with X-Batch opens one.',
  });
}
