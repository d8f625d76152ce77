import pLimit from 'p-limit';
import { askForCommit } from './push/ask-for-commit.ts';
import { leaveBatch } from './leave-batch.ts';
import { type PushedFile, pushFile } from './push-file.ts';
import type { PushOptions, SourceFile } from './push-options.ts';
import type { PushedBatch } from './pushed-batch.ts';
import { waitForFile } from './push/wait-for-file.ts';

/** Calls that report how a push goes on. */
export interface PushEvents {
  /** How far into a file its upload has come; less than before when it begins anew. */
  readonly onSent: (file: SourceFile, positionBytes: number) => void;
  /** A file was accepted, or failed for good. */
  readonly onSettled: (result: PushedFile) => void;
  /** All files were sent; now the push waits for the index, or for the commit, of this many accepted files. */
  readonly onWaiting: (fileCount: number) => void;
  readonly onInstallable: (result: PushedFile) => void;
}

export interface PushReport {
  readonly results: readonly PushedFile[];
  readonly batch?: PushedBatch;
}

/**
 * Pushes files: sends all of them, commits the batch when there is one, and waits for the index when asked to.
 * Rejects with the signal's reason when it is interrupted, and for no other cause.
 */
export async function pushFiles(
  files: readonly SourceFile[],
  options: PushOptions,
  events: PushEvents,
): Promise<PushReport> {
  const sent = await sendAll(files, options, events);
  if (options.terms.batchId !== undefined) return finishBatch(options.terms.batchId, sent, options, events);
  return { results: options.isWaitWanted ? await waitForAll(sent, options, events) : sent };
}

async function sendAll(
  files: readonly SourceFile[],
  options: PushOptions,
  { onSent, onSettled }: PushEvents,
): Promise<readonly PushedFile[]> {
  const limit = pLimit(options.jobs);
  let isLockedOut = false;
  const send = async (file: SourceFile): Promise<PushedFile> => {
    // Every other file would get the same answer, and many of them would look like a client that guesses tokens.
    if (isLockedOut) return { file, status: 'unsent', attempts: 0, sha256: undefined };
    const result = await pushFile(file, options, (positionBytes) => onSent(file, positionBytes));
    if (result.failure?.code.startsWith('CREDENTIALS_')) isLockedOut = true;
    return result;
  };
  return Promise.all(
    files.map((file) =>
      limit(async () => {
        options.retry.signal.throwIfAborted();
        const result = await send(file);
        onSettled(result);
        return result;
      }),
    ),
  );
}

/** All or nothing: a batch that lacks a package is not committed. */
async function finishBatch(
  id: string,
  sent: readonly PushedFile[],
  options: PushOptions,
  events: PushEvents,
): Promise<PushReport> {
  if (sent.some(({ outcome }) => outcome === undefined)) {
    // A client with a wrong token may drop nothing, and need not.
    const isBegun = sent.some(({ outcome, status }) => outcome !== undefined || status === 'failed');
    const isToLeave = isBegun || options.terms.isBatchNamed;
    return { results: sent, batch: isToLeave ? await leaveBatch(id, options) : { id, state: 'dropped' } };
  }
  events.onWaiting(sent.length);
  return askForCommit(id, sent, options);
}

async function waitForAll(
  sent: readonly PushedFile[],
  options: PushOptions,
  { onWaiting, onInstallable }: PushEvents,
): Promise<readonly PushedFile[]> {
  const deadlineMs = options.retry.clock.now() + options.retry.timeoutMs;
  const limit = pLimit(options.jobs);
  onWaiting(sent.filter(({ outcome }) => outcome !== undefined).length);
  return Promise.all(
    sent.map((result) =>
      limit(async () => {
        options.retry.signal.throwIfAborted();
        if (result.outcome === undefined) return result;
        const settled = await waitForFile(result, deadlineMs, options);
        onInstallable(settled);
        return settled;
      }),
    ),
  );
}
