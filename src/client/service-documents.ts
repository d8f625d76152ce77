import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Answer } from './open-connection.ts';
import { parseJson } from './parse-json.ts';
import { failureOfAnswer, unexpected } from './push-failure.ts';

const DIGESTS = { sha256: Type.String(), receivedSha256: Type.Optional(Type.String()) };

/** What became of one package (docs/http.md); only what is used of it is checked. */
export const OUTCOME = Type.Object({
  ...DIGESTS,
  outcome: Type.String(),
  nevra: Type.String(),
  warnings: Type.Optional(Type.Array(Type.Object({ code: Type.String(), text: Type.String() }))),
  places: Type.Array(
    Type.Object({ repository: Type.String(), state: Type.String(), reason: Type.Optional(Type.String()) }),
  ),
});

export type Outcome = Static<typeof OUTCOME>;

export const BATCH_DOCUMENT = Type.Object({
  batch: Type.String(),
  state: Type.String(),
  keptUntil: Type.Optional(Type.String()),
  packages: Type.Array(OUTCOME),
});

export type BatchDocument = Static<typeof BATCH_DOCUMENT>;

/** Problem document of a batch that was refused. */
export const BATCH_REFUSAL = Type.Object({
  code: Type.Literal('BATCH_REFUSED'),
  refused: Type.Array(
    Type.Object({ nevra: Type.String(), sha256: Type.String(), code: Type.String(), detail: Type.String() }),
  ),
});

/** @throws PushFailure for an error, and for a success that does not come from Rpmyard. */
export function readOutcome(answer: Answer): Outcome {
  const document = readSuccess(answer);
  if (Value.Check(OUTCOME, document)) return document;
  throw notOurs(answer);
}

/** @throws PushFailure as `readOutcome`. */
export function readBatchDocument(answer: Answer): BatchDocument {
  const document = readSuccess(answer);
  if (Value.Check(BATCH_DOCUMENT, document)) return document;
  throw notOurs(answer);
}

/** Whether an outcome is about the file with this digest, as it was sent or as it is stored. */
export function isOf(sha256: string): (outcome: Static<typeof OUTCOME>) => boolean {
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
