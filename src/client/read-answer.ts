import { BATCH_DOCUMENT, COMMIT_DOCUMENT } from '../api/batch-documents.ts';
import { UPLOAD_OUTCOME } from '../api/upload-outcome.ts';
import { fitsSchema } from '../base/schema/fits-schema.ts';
import type { TypeOf } from '../base/schema/json-schema.ts';
import type { Answer } from './open-connection.ts';
import { parseJson } from './parse-json.ts';
import { failureOfAnswer, unexpected } from './push-failure.ts';

/** What became of one package. */
export type Outcome = TypeOf<typeof UPLOAD_OUTCOME>;

export type ReadBatch = TypeOf<typeof BATCH_DOCUMENT>;

export type ReadCommit = TypeOf<typeof COMMIT_DOCUMENT>;

/** @throws PushFailure for an error, and for a success that does not come from Rpmyard. */
export function readOutcome(answer: Answer): Outcome {
  const document = readSuccess(answer);
  if (fitsSchema(UPLOAD_OUTCOME, document)) return document;
  throw notOurs(answer);
}

/** @throws PushFailure as `readOutcome`. */
export function readBatchAnswer(answer: Answer): ReadBatch {
  const document = readSuccess(answer);
  if (fitsSchema(BATCH_DOCUMENT, document)) return document;
  throw notOurs(answer);
}

/** @throws PushFailure as `readOutcome`. */
export function readCommit(answer: Answer): ReadCommit {
  const document = readSuccess(answer);
  if (fitsSchema(COMMIT_DOCUMENT, document)) return document;
  throw notOurs(answer);
}

/** Whether an outcome is about the file with this digest, as it was sent or as it is stored. */
export function isOutcomeFor(sha256: string): (outcome: Outcome) => boolean {
  return (outcome) => outcome.sha256 === sha256 || outcome.receivedSha256 === sha256;
}

function readSuccess(answer: Answer): unknown {
  if (answer.status < 200 || answer.status >= 300) throw failureOfAnswer(answer);
  return parseJson(answer.text);
}

function notOurs({ status }: Answer): Error {
  return unexpected({
    detail: `this answer (${status}) does not come from Rpmyard`,
    hint: 'Check the URL: something else answers there.',
    kind: 'unreachable',
  });
}
