import type { PackageWarning } from '../api/package-warning.ts';
import type { SignatureVerdict } from '../api/signature-verdict.ts';
import { AppError } from '../errors.ts';
import { type RepositoryName, splitRepositoryName } from '../rpm/repository-name.ts';
import type { Target } from './repository-layout.ts';

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
  readonly targets: readonly Target[];
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

/**
 * The batches that are kept. A caller that changes one has its turn (see batchTurn). What a call did is durable when it
 * returns, but for the removal of what is not needed any more.
 */
export interface BatchStore {
  /** Undefined where there is no such batch. @throws AppError STORAGE_FAILED when what is kept of it is damaged. */
  read(id: string): Promise<Batch | undefined>;
  /** Quicker; a batch without any member has a status too. */
  statusOf(id: string): Promise<BatchStatus | undefined>;
  /** In order of id. */
  listStatus(): Promise<readonly BatchStatus[]>;
  /** Undefined when the batch went since its status was asked, or has no member. @throws AppError as read(). */
  summarise(status: BatchStatus): Promise<BatchSummary | undefined>;
  /** Keeps a prepared file as a member of a batch that is staged, or begins with it. @throws AppError QUOTA_REACHED. */
  add(id: string, file: PreparedMember, member: BatchMember): Promise<void>;
  /** A file on this machine with the bytes of a member; of a batch that is not committed. */
  fileOf(id: string, member: BatchMember): Promise<string>;
  /** Removes a batch with all that it has, at once or not at all. */
  drop(id: string): Promise<void>;
  /** The oldest committed batches, as many as there are too many. */
  listSurplus(): Promise<readonly string[]>;
  /** The decided batches that are not in the tree yet. */
  listUnplaced(): Promise<readonly string[]>;
}

/** A caller that changes a batch has this turn. */
export function batchTurn(id: string): string {
  return `batch ${id}`;
}

/** A summary without what may change by itself. */
type BatchContent = Omit<BatchSummary, keyof BatchStatus>;

const NOTHING: BatchContent = { packageCount: 0, sizeBytes: 0, repositories: [] };

/** What members come to, with what there was before them. */
export function contentOf(members: readonly BatchMember[], before = NOTHING): BatchContent {
  return {
    packageCount: before.packageCount + members.length,
    sizeBytes: members.reduce((sum, { sizeBytes }) => sum + sizeBytes, before.sizeBytes),
    repositories: [...new Set([...before.repositories, ...repositoriesOf(members)])].toSorted(),
  };
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
  return `${sha256}@${releasever}.rpm`;
}

/** @throws AppError NOT_FOUND. */
export async function demandBatch(id: string, batches: Pick<BatchStore, 'read'>): Promise<Batch> {
  const batch = await batches.read(id);
  if (batch === undefined) throw noBatch(id);
  return batch;
}

export function noBatch(id: string): AppError {
  return new AppError('NOT_FOUND', `there is no batch ${id}`, {
    hint: 'GET /api/v1/batches lists the batches; an upload with ?batch= opens one.',
  });
}
