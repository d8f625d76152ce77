import type { ErrorCode } from '../errors.ts';
import { digestOfFile } from '../base/files/file-digest.ts';
import { askOutcome } from './push/ask-outcome.ts';
import { failureOfError, PushFailure } from './push-failure.ts';
import type { DigestedFile, PushOptions, SourceFile } from './push-options.ts';
import { putFile } from './push/put-file.ts';
import { ResumableUpload } from './push/resumable-upload.ts';
import type { Outcome } from './read-answer.ts';
import { type Attempt, withRetries } from './push/with-retries.ts';

/**
 * What became of a file: the service will refuse a `refused` one again; a `failed` one may succeed later; a `waiting`
 * one was accepted and is not in the index; an `unsent` one was not tried, because the service had refused the
 * credentials.
 */
export type FileStatus = 'created' | 'unchanged' | 'staged' | 'waiting' | 'refused' | 'failed' | 'unsent';

export interface PushedFile {
  readonly file: SourceFile;
  readonly status: FileStatus;
  /** How many times it was sent. */
  readonly attempts: number;
  /** Undefined when the file could not be read. */
  readonly sha256: string | undefined;
  /** The outcome in the service's words, once the file was accepted. */
  readonly outcome?: Outcome;
  readonly failure?: PushFailure;
}

// Below this size it costs less to send the file again after a cut than to ask how much of it arrived.
const RESUMABLE_FROM_BYTES = 64 * 1024 * 1024;

/**
 * Pushes one file until it is accepted or failed for good; never rejects but for an interruption.
 * @param onSent told how far into the file its upload has come; less than before when it starts anew.
 */
export async function pushFile(
  file: SourceFile,
  options: PushOptions,
  onSent: (positionBytes: number) => void,
): Promise<PushedFile> {
  let attempts = 0;
  let sha256: string | undefined;
  try {
    sha256 = await digestOfSource(file.path, options.retry.signal);
    options.retry.signal.throwIfAborted();
    const send = chooseWay({ ...file, sha256 }, options, onSent);
    const outcome = await withRetries(options.retry, async (attempt) => {
      attempts = attempt.number;
      return send(attempt);
    });
    if (options.terms.batchId !== undefined && outcome.outcome === 'created') throw publishedAtOnce();
    onSent(file.sizeBytes);
    return { file, status: toFileStatus(outcome), attempts, sha256, outcome };
  } catch (error) {
    options.retry.signal.throwIfAborted();
    const failure = failureOfError(error);
    return { file, status: failure.kind === 'refusal' ? 'refused' : 'failed', attempts, sha256, failure };
  }
}

/** Sending the same bytes again is a success; a large file is sent again only when it is necessary. */
function chooseWay(
  file: DigestedFile,
  options: PushOptions,
  onSent: (positionBytes: number) => void,
): (attempt: Attempt) => Promise<Outcome> {
  const resumable =
    file.sizeBytes >= RESUMABLE_FROM_BYTES ? new ResumableUpload(file, options, onSent) : undefined;
  return async (attempt) => {
    const known = attempt.number === 1 ? undefined : await askOutcome(file, options);
    return known ?? (await resumable?.run(attempt)) ?? putFile(file, options, onSent);
  };
}

async function digestOfSource(path: string, signal: AbortSignal): Promise<string> {
  return digestOfFile(path, 'sha256', { signal }).catch((error: unknown) => {
    throw new PushFailure({
      code: 'SOURCE_CHANGED' satisfies ErrorCode,
      detail: `${path} cannot be read`,
      hint: 'Check its disk, and whether something removes it.',
      kind: 'refusal',
      cause: error,
    });
  });
}

/** A service of an older version takes a package of a batch for an ordinary upload. */
function publishedAtOnce(): PushFailure {
  return new PushFailure({
    code: 'ANSWER_UNEXPECTED' satisfies ErrorCode,
    detail: 'the service published the package at once, it knows no batches',
    hint: 'Push without --batch, or update the service.',
    kind: 'unreachable',
  });
}

/** `known`: the package was there when the client asked; sent again it would be unchanged. */
function toFileStatus({ outcome }: Outcome): FileStatus {
  return outcome === 'created' || outcome === 'staged' ? outcome : 'unchanged';
}
