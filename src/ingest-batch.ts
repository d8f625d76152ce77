import { demand, demandProven, type Requester } from './access/requester.ts';
import {
  type Batch,
  type BatchMember,
  type BatchStore,
  memberFile,
  noBatch,
  repositoriesOf,
} from './batches/batch-store.ts';
import { givenSha256, placesOf } from './describe-upload.ts';
import { AppError, toAppError } from './errors.ts';
import {
  admitUpload,
  chooseFile,
  factsOf,
  type IngestParts,
  storedFactsOf,
  toPlace,
  turnOf,
} from './ingest.ts';
import { inspectPackage } from './inspect/inspect-package.ts';
import { batchTurn, placeDecidedBatch, targetsOf } from './place-decided.ts';
import type { FileToPlace } from './place-and-record.ts';
import { lookAtTargets } from './place/place-package.ts';
import type { SpooledUpload } from './receive/spooled-upload.ts';
import type { UploadOutcome } from './receive/upload-outcome.ts';
import type { StoredFile } from './stored-file.ts';

export interface BatchParts extends IngestParts {
  readonly batches: BatchStore;
}

/** A package of a batch that cannot go into the tree. */
interface Refused {
  readonly nevra: string;
  readonly sha256: string;
  readonly error: AppError;
}

/**
 * Keeps an upload for the commit of its batch. When this returns, it survives a power cut.
 * @throws AppError with the code of the rule that refused the package, BATCH_COMMITTED, or of the fault of ours.
 */
export async function stageUpload(
  upload: SpooledUpload,
  id: string,
  parts: BatchParts,
): Promise<UploadOutcome> {
  const { targets, asSent } = await admitUpload(upload, parts);
  const { sha256, nevra, sizeBytes } = asSent.inspected;
  parts.checkReserve(targets.map(({ repository }) => repository));
  await parts.timed('sync', () => parts.store.prepare(asSent.path));
  return parts.takeTurns(batchTurn(id), async () => {
    const batch = await parts.batches.read(id);
    if (batch !== undefined && batch.state !== 'staged') return outcomeOfCommitted(batch, sha256, parts);
    const member: BatchMember = {
      file: memberFile(sha256, upload.releasever),
      nevra,
      sha256,
      sizeBytes,
      targets: targets.map(({ repository, location }) => ({ repository, location })),
      signatures: Object.fromEntries(asSent.signatures),
    };
    await parts.batches.add(id, asSent.path, member);
    return stagedOutcome(id, member, parts);
  });
}

/**
 * Puts all packages of a batch into the tree, or none: once this has decided that they go there, they do, also after a
 * crash, and no index ever has a part of them. To be repeated at will.
 * @throws AppError NOT_FOUND, BATCH_REFUSED with every package that cannot go there, or of the fault of ours.
 */
export async function commitBatch(
  id: string,
  requester: Requester,
  parts: BatchParts,
): Promise<readonly UploadOutcome[]> {
  demandUpload(requester, await readBatch(id, parts));
  // Who asks once more, because it takes long, waits for the same commit.
  return parts.takeTurns(`commit of ${id}`, async () => {
    for (;;) {
      const batch = await readBatch(id, parts);
      if (batch.state === 'committed') return outcomesOf(batch, parts);
      if (batch.state === 'committing') {
        await parts.takeTurns(batchTurn(id), () => placeDecidedBatch(id, parts));
        continue;
      }
      const outcomes = await commitStaged(batch, parts);
      if (outcomes !== undefined) return outcomes;
    }
  });
}

/** @throws AppError NOT_FOUND, BATCH_COMMITTED, RIGHT_MISSING. */
export async function dropBatch(id: string, requester: Requester, parts: BatchParts): Promise<void> {
  await parts.takeTurns(batchTurn(id), async () => {
    const batch = await readBatch(id, parts);
    demandUpload(requester, batch);
    if (batch.state !== 'staged') throw committed(id);
    await parts.batches.drop(id);
  });
}

/** Drops batches that nothing came to for `keepMs`, and forgets committed ones; gives their names. */
export async function sweepBatches(
  keepMs: number,
  { batches, takeTurns, now }: Pick<BatchParts, 'batches' | 'takeTurns' | 'now'>,
): Promise<readonly string[]> {
  const dropped: string[] = [];
  for (const { id } of await batches.list()) {
    await takeTurns(batchTurn(id), async () => {
      const batch = await batches.read(id);
      if (batch === undefined || batch.state === 'committing' || now() - batch.changedAtMs < keepMs) return;
      await batches.drop(id);
      if (batch.state === 'staged') dropped.push(id);
    });
  }
  return dropped;
}

/** @throws AppError NOT_FOUND. */
export async function readBatch(id: string, { batches }: Pick<BatchParts, 'batches'>): Promise<Batch> {
  const batch = await batches.read(id);
  if (batch !== undefined) return batch;
  throw noBatch(id);
}

/** What became of each package of a batch, in order of NEVRA. */
export function outcomesOf(
  { id, state, members }: Batch,
  parts: Pick<BatchParts, 'records' | 'publicUrl'>,
): readonly UploadOutcome[] {
  const outcomes = members.map((member) =>
    state === 'committed' ? committedOutcome(member, 'known', parts) : stagedOutcome(id, member, parts),
  );
  return outcomes.toSorted((a, b) => (a.nevra < b.nevra ? -1 : 1));
}

/** Undefined when a package came to the batch meanwhile. */
async function commitStaged(batch: Batch, parts: BatchParts): Promise<readonly UploadOutcome[] | undefined> {
  const { id } = batch;
  const files = await prepareFiles(batch, parts);
  const repositories = repositoriesOf(batch.members);
  try {
    // No index run may see a part of it.
    return await parts.queue.whileHeld(repositories, () =>
      takeAllTurns([batchTurn(id), ...files.map(({ file }) => turnOf(file.targets))], parts, async () => {
        const now = await parts.batches.read(id);
        if (now?.state !== 'staged' || now.members.length !== batch.members.length) return undefined;
        const isNew = await lookAtAll(files, parts);
        parts.checkReserve(repositories);
        await Promise.all(repositories.map(parts.prepareRepository));
        await parts.queue.whileMarked(repositories, async () => {
          await parts.batches.decide(
            id,
            files.map(({ member }) => member),
          );
          await placeDecidedBatch(id, parts);
        });
        return files
          .map(({ member }, index) =>
            committedOutcome(member, isNew[index] === true ? 'created' : 'unchanged', parts),
          )
          .toSorted((a, b) => (a.nevra < b.nevra ? -1 : 1));
      }),
    );
  } finally {
    for (const { discard } of files) await discard?.();
  }
}

/** One package of a batch as it would go into the tree. */
interface PreparedFile {
  readonly file: FileToPlace;
  readonly member: BatchMember & { readonly path?: string };
  readonly discard: StoredFile['discard'];
}

/** Signs what is to be signed. @throws AppError BATCH_REFUSED. */
async function prepareFiles({ id, members }: Batch, parts: BatchParts): Promise<readonly PreparedFile[]> {
  const settled = await Promise.allSettled(members.map((member) => prepareFile(id, member, parts)));
  const refused = settled.flatMap((result, index) => {
    const { nevra = '', sha256 = '' } = members[index] ?? {};
    return result.status === 'fulfilled' ? [] : [{ nevra, sha256, error: toAppError(result.reason) }];
  });
  const files = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (refused.length === 0) return files;
  for (const { discard } of files) await discard?.();
  throw refusalOf(refused, members.length);
}

async function prepareFile(id: string, member: BatchMember, parts: BatchParts): Promise<PreparedFile> {
  const { batches, layout, inspectionThreads, signing } = parts;
  const path = batches.pathOf(id, member.file);
  const signatures = new Map(Object.entries(member.signatures));
  const targets = targetsOf(member, layout);
  if (signing === undefined) {
    return { file: { ...member, path, signatures, targets }, member, discard: undefined };
  }
  const { sizeBytes } = member;
  const inspected = await inspectPackage(
    { path, sizeBytes, sha256: undefined, expectedDigests: [] },
    inspectionThreads,
  );
  const stored = await chooseFile({ path, inspected, signatures }, targets, parts);
  await parts.store.prepare(stored.path);
  const file = toPlace(stored, targets);
  const asStored = {
    ...member,
    sha256: file.sha256,
    sizeBytes: file.sizeBytes,
    signatures: Object.fromEntries(file.signatures),
    ...(file.receivedSha256 !== undefined && { receivedSha256: file.receivedSha256 }),
  };
  return {
    file,
    member:
      file.path === path
        ? asStored
        : { ...asStored, path: file.path, file: member.file.replace(/\.rpm$/, '.stored') },
    discard: stored.discard,
  };
}

/** For each file whether a repository lacks it. @throws AppError BATCH_REFUSED. */
async function lookAtAll(files: readonly PreparedFile[], parts: BatchParts): Promise<readonly boolean[]> {
  const stored = storedFactsOf(parts);
  const refused: Refused[] = [...clashesOf(files)];
  const isNew = await Promise.all(
    files.map(async ({ file }) => {
      try {
        const states = await lookAtTargets(file, stored, parts.store);
        return states.some(({ holdsPackage }) => !holdsPackage);
      } catch (error) {
        refused.push({ ...file, error: toAppError(error) });
        return false;
      }
    }),
  );
  if (refused.length > 0) throw refusalOf(refused, files.length);
  return isNew;
}

/** Two packages of one batch that would have the same name. */
function clashesOf(files: readonly PreparedFile[]): readonly Refused[] {
  const first = new Map<string, FileToPlace>();
  const clashes: Refused[] = [];
  for (const { file } of files) {
    for (const { path, repository } of file.targets) {
      const other = first.get(path) ?? file;
      first.set(path, other);
      if (other.sha256 === file.sha256) continue;
      const { nevra, sha256 } = file;
      const detail = `${nevra} is in this batch twice for ${repository}, with other bytes: sha256 ${other.sha256} and ${sha256}`;
      const error = new AppError('PACKAGE_CONFLICT', detail, {
        hint: 'Drop the batch and send each package once.',
      });
      clashes.push({ nevra, sha256, error });
      break;
    }
  }
  return clashes;
}

const MAX_NAMED = 20;

/** A fault of ours is told as such: it may be gone the next time. */
function refusalOf(refused: readonly Refused[], count: number): AppError {
  const fault = refused.find(({ error }) => error.statusCode >= 500);
  if (fault !== undefined) return fault.error;
  const named = refused.slice(0, MAX_NAMED).map(({ error }) => error.message);
  const more = refused.length > named.length ? `; and ${refused.length - named.length} more` : '';
  return new AppError(
    'BATCH_REFUSED',
    `${refused.length} of ${count} packages cannot be placed, so none is: ${named.join('; ')}${more}`,
    {
      hint: 'The batch is still staged. Raise the release of these packages, build again, and send all in a new batch.',
      details: {
        refused: refused.map(({ nevra, sha256, error }) => ({
          nevra,
          sha256,
          code: error.code,
          detail: error.message,
        })),
      },
    },
  );
}

/** A member that is sent again after the commit, as a build job that lost the answer does. @throws AppError BATCH_COMMITTED. */
function outcomeOfCommitted({ id, members }: Batch, sha256: string, parts: BatchParts): UploadOutcome {
  const member = members.find((one) => one.sha256 === sha256 || one.receivedSha256 === sha256);
  if (member === undefined) throw committed(id);
  return committedOutcome(member, 'unchanged', parts);
}

function committedOutcome(
  member: BatchMember,
  outcome: UploadOutcome['outcome'],
  parts: Pick<BatchParts, 'records' | 'publicUrl'>,
): UploadOutcome {
  const places = placesOf(parts.records.receiptsOf(member.sha256), member.targets, parts);
  return { ...factsOf(member), outcome, places };
}

function stagedOutcome(
  batch: string,
  { nevra, sha256, receivedSha256, sizeBytes, targets, signatures }: BatchMember,
  parts: Pick<BatchParts, 'records' | 'publicUrl'>,
): UploadOutcome {
  const places = placesOf([], targets, parts).map((place) => {
    const signature = signatures[place.repository];
    return { ...place, state: 'staged' as const, ...(signature !== undefined && { signature }) };
  });
  return { outcome: 'staged', batch, nevra, sha256, ...givenSha256(receivedSha256), sizeBytes, places };
}

/** Only what takes a file can prove who sent it by the file. */
function demandUpload(requester: Requester, { members }: Batch): void {
  demandProven(requester);
  for (const repository of repositoriesOf(members))
    demand(requester, { right: 'upload', in: { repository } });
}

function committed(id: string): AppError {
  return new AppError('BATCH_COMMITTED', `the batch ${id} was committed`, {
    hint: 'Take another name for the next batch.',
  });
}

/** In an order that is the same for everybody, so that two never wait for each other. */
function takeAllTurns<T>(
  keys: readonly string[],
  parts: Pick<BatchParts, 'takeTurns'>,
  task: () => Promise<T>,
): Promise<T> {
  return [...new Set(keys)]
    .toSorted()
    .reduceRight<() => Promise<T>>((inner, key) => () => parts.takeTurns(key, inner), task)();
}
