import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, renameSync } from 'node:fs';
import { readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isBatchId } from '../../api/batch-id.ts';
import {
  createSharedDirectorySync,
  makeDirectoryDurable,
  replaceDurable,
  syncDirectory,
} from '../../base/files/durable-files.ts';
import { ifThere } from '../../base/files/if-there.ts';
import { namesIn } from '../../base/files/names-in.ts';
import { readIfThere } from '../../base/files/read-if-there.ts';
import { createOwnedNames, type OwnedNames, type ReachedLimit } from '../../base/limits/owned-names.ts';
import { type OwnerQuota, quotaReached, QUOTAS } from '../../base/limits/quotas.ts';
import { type AppError, errnoOf } from '../../errors.ts';
import type { RepositoryName } from '../../rpm/repository-name.ts';
import {
  type Batch,
  type BatchMember,
  type BatchState,
  type BatchStatus,
  type BatchStore,
  type BatchSummary,
  contentOf,
  type PreparedMember,
  repositoriesOf,
} from '../batch-store.ts';
import type { DecidedMember } from '../places.ts';
import {
  BATCH_FILES,
  memberFactsFile,
  readBatchMembers,
  readDecision,
  readStagedMembers,
} from './batch-files.ts';

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

type Content = ReturnType<typeof contentOf>;

/**
 * Batches as directories: `<batchesDir>/<id>/` holds `<member>.rpm` and `<member>.json` for each member that was staged,
 * `decision.json` from the moment of the commit, and `placed.json` instead of all these when everything is in the tree;
 * beside them `owner`.
 */
export class BatchFolders implements BatchStore {
  readonly #batchesDir: string;
  readonly #memberQuota: number;
  readonly #syncShared = createSharedDirectorySync();
  /** A batch whose decision could not be written may be among them: then there is nothing to place. */
  readonly #unplaced = new Map<string, readonly RepositoryName[]>();
  /** Remembered, since each member that comes asks, and each list. */
  readonly #contents = new Map<string, Content>();
  readonly #staged: OwnedNames;
  readonly #committed: OwnedNames;

  private constructor(batchesDir: string, quotas: BatchQuotas) {
    this.#batchesDir = batchesDir;
    this.#memberQuota = quotas.members;
    this.#staged = createOwnedNames(quotas.staged);
    this.#committed = createOwnedNames(quotas.committed);
  }

  /** Removes what a crash left. @throws AppError TREE_UNUSABLE when a decision cannot be read. */
  static async open(batchesDir: string, quotas = BATCH_QUOTAS): Promise<BatchFolders> {
    await makeDirectoryDurable(batchesDir, 0o700);
    for (const name of await readdir(batchesDir)) {
      // What a drop left that did not come to its end.
      if (name.startsWith('.')) await rm(join(batchesDir, name), { recursive: true, force: true });
    }
    const folders = new BatchFolders(batchesDir, quotas);
    await folders.#takeUp();
    return folders;
  }

  async #takeUp(): Promise<void> {
    const oldestFirst = (await this.listStatus()).toSorted((a, b) => a.changedAtMs - b.changedAtMs);
    for (const { id, state } of oldestFirst) {
      const directory = this.#directoryOf(id);
      if (state === 'committing') this.#unplaced.set(id, repositoriesOf(await readDecision(directory)));
      if (state === 'committed') await removePlaced(directory);
      const owner = await readIfThere(join(directory, BATCH_FILES.owner));
      (state === 'committed' ? this.#committed : this.#staged).note(id, owner);
    }
  }

  async add(id: string, file: PreparedMember, member: BatchMember): Promise<void> {
    const directory = this.#directoryOf(id);
    const content = (await this.#contentIn(id)) ?? contentOf([]);
    // The same one once more is none in addition.
    const isMember = existsSync(join(directory, member.file));
    if (!isMember && content.packageCount >= this.#memberQuota) throw tooManyMembers(id, this.#memberQuota);
    const reached = this.#staged.claim(id, file.owner);
    if (reached !== undefined) throw tooManyStaged(reached);
    try {
      await this.#addMember(id, file, member);
    } catch (error) {
      if (!existsSync(directory)) this.#staged.release(id);
      throw error;
    }
    this.#contents.set(id, isMember ? content : contentOf([member], content));
  }

  /** From now on the batch is going to be placed, whatever happens. */
  async decide(id: string, members: readonly DecidedMember[]): Promise<void> {
    const directory = this.#directoryOf(id);
    for (const { path, file } of members) {
      if (path === undefined) continue;
      // A commit that came to no decision may have left one.
      await rm(join(directory, file), { force: true });
      linkSync(path, join(directory, file));
    }
    await syncDirectory(directory);
    const decided = members.map(({ path: _path, ...member }) => member);
    // First: once the name is there, no index run may pass it by, even if its sync fails.
    this.#unplaced.set(id, repositoriesOf(decided));
    await replaceDurable(join(directory, BATCH_FILES.decision), JSON.stringify(decided));
    this.#contents.set(id, contentOf(decided));
  }

  /** Everything is in the tree: keeps what the batch was, and removes its files. */
  async finish(id: string): Promise<void> {
    const directory = this.#directoryOf(id);
    await rename(join(directory, BATCH_FILES.decision), join(directory, BATCH_FILES.placed));
    await syncDirectory(directory);
    this.#unplaced.delete(id);
    const owner = this.#staged.ownerOf(id);
    this.#staged.release(id);
    this.#committed.note(id, owner);
    await removePlaced(directory);
  }

  async drop(id: string): Promise<void> {
    // Under another name at once: a client must not commit what a removal has left of a batch.
    const dropped = join(this.#batchesDir, `.${randomUUID()}`);
    renameSync(this.#directoryOf(id), dropped);
    this.#unplaced.delete(id);
    this.#contents.delete(id);
    this.#staged.release(id);
    this.#committed.release(id);
    await syncDirectory(this.#batchesDir);
    await rm(dropped, { recursive: true, force: true });
  }

  async fileOf(id: string, { file }: BatchMember): Promise<string> {
    return join(this.#directoryOf(id), file);
  }

  async listSurplus(): Promise<readonly string[]> {
    return this.#committed.listSurplus();
  }

  async listUnplaced(): Promise<readonly string[]> {
    return [...this.#unplaced.keys()];
  }

  /** The decided batches that are not in the tree yet and have packages in a repository. */
  unplacedIn(repository: RepositoryName): readonly string[] {
    return [...this.#unplaced].flatMap(([id, repositories]) =>
      repositories.includes(repository) ? [id] : [],
    );
  }

  async summarise(status: BatchStatus): Promise<BatchSummary | undefined> {
    const content = await this.#contentIn(status.id);
    return content === undefined ? undefined : { ...status, ...content };
  }

  async listStatus(): Promise<readonly BatchStatus[]> {
    const statuses: BatchStatus[] = [];
    for (const entry of await readdir(this.#batchesDir, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const status = await this.statusOf(entry.name);
      if (status !== undefined) statuses.push(status);
    }
    return statuses.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  async statusOf(id: string): Promise<BatchStatus | undefined> {
    if (!isBatchId(id)) return undefined;
    const directory = this.#directoryOf(id);
    const stats = await ifThere(stat(directory));
    // The state after the time: what is asked in the middle of a commit is rather too old than too new.
    return stats === undefined ? undefined : { id, state: stateOf(directory), changedAtMs: stats.mtimeMs };
  }

  async read(id: string): Promise<Batch | undefined> {
    try {
      return await this.#readOnce(id);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      // A commit or a drop came between the names and the files.
      return this.#readOnce(id);
    }
  }

  async #readOnce(id: string): Promise<Batch | undefined> {
    const directory = this.#directoryOf(id);
    const status = await this.statusOf(id);
    if (status === undefined) return undefined;
    const members =
      status.state === 'staged'
        ? await readStagedMembers(directory, await namesIn(directory))
        : await readBatchMembers(
            join(directory, status.state === 'committed' ? BATCH_FILES.placed : BATCH_FILES.decision),
          );
    return members.length === 0 ? undefined : { ...status, members };
  }

  async #contentIn(id: string): Promise<Content | undefined> {
    const known = this.#contents.get(id);
    if (known !== undefined) return known;
    const batch = await this.read(id);
    if (batch === undefined) return undefined;
    // What came meanwhile is newer.
    const content = this.#contents.get(id) ?? contentOf(batch.members);
    this.#contents.set(id, content);
    return content;
  }

  async #addMember(id: string, { path, owner }: PreparedMember, member: BatchMember): Promise<void> {
    const directory = this.#directoryOf(id);
    const isNew = !existsSync(directory);
    await makeDirectoryDurable(directory, 0o700);
    // A power cut may lose it: the batch then counts for no owner, only for all of them together.
    if (isNew) await writeFile(join(directory, BATCH_FILES.owner), owner);
    // It renews the time of the directory too, for one that is there already: the batch is as new as its last member.
    await replaceDurable(join(directory, memberFactsFile(member)), JSON.stringify(member));
    linkUnlessThere(path, join(directory, member.file));
    // An earlier attempt may have ended between a name and its sync.
    await this.#syncShared(directory);
    await this.#syncShared(this.#batchesDir);
  }

  #directoryOf(id: string): string {
    return join(this.#batchesDir, id);
  }
}

function stateOf(directory: string): BatchState {
  // In this order: the one is renamed into the other.
  if (existsSync(join(directory, BATCH_FILES.decision))) return 'committing';
  return existsSync(join(directory, BATCH_FILES.placed)) ? 'committed' : 'staged';
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

async function removePlaced(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name !== BATCH_FILES.placed && name !== BATCH_FILES.owner)
      await rm(join(directory, name), { force: true });
  }
}

function linkUnlessThere(path: string, target: string): void {
  try {
    linkSync(path, target);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}
