import { fitsSchema } from '../base/schema/fits-schema.ts';
import type { JsonSchema, TypeOf } from '../base/schema/json-schema.ts';
import type { Answer } from './open-connection.ts';
import { parseJson } from './parse-json.ts';
import { failureOfAnswer, unexpected } from './push-failure.ts';

/** What became of one package (docs/http.md); only the fields that are used are checked. */
export const OUTCOME = {
  type: 'object',
  properties: {
    sha256: { type: 'string' },
    receivedSha256: { type: 'string' },
    outcome: { type: 'string' },
    nevra: { type: 'string' },
    warnings: {
      type: 'array',
      items: {
        type: 'object',
        properties: { code: { type: 'string' }, text: { type: 'string' } },
        required: ['code', 'text'],
      },
    },
    places: {
      type: 'array',
      items: {
        type: 'object',
        properties: { repository: { type: 'string' }, state: { type: 'string' }, reason: { type: 'string' } },
        required: ['repository', 'state'],
      },
    },
  },
  required: ['sha256', 'outcome', 'nevra', 'places'],
} as const satisfies JsonSchema;

export type Outcome = TypeOf<typeof OUTCOME>;

export const BATCH_DOCUMENT = {
  type: 'object',
  properties: {
    batch: { type: 'string' },
    state: { type: 'string' },
    keptUntil: { type: 'string' },
    packages: { type: 'array', items: OUTCOME },
  },
  required: ['batch', 'state', 'packages'],
} as const satisfies JsonSchema;

export type BatchDocument = TypeOf<typeof BATCH_DOCUMENT>;

/** Problem document of a refused batch. */
export const BATCH_REFUSAL = {
  type: 'object',
  properties: {
    code: { const: 'BATCH_REFUSED' },
    refused: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          nevra: { type: 'string' },
          sha256: { type: 'string' },
          code: { type: 'string' },
          detail: { type: 'string' },
        },
        required: ['nevra', 'sha256', 'code', 'detail'],
      },
    },
  },
  required: ['code', 'refused'],
} as const satisfies JsonSchema;

/** @throws PushFailure for an error, and for a success that does not come from Rpmyard. */
export function readOutcome(answer: Answer): Outcome {
  const document = readSuccess(answer);
  if (fitsSchema(OUTCOME, document)) return document;
  throw notOurs(answer);
}

/** @throws PushFailure as `readOutcome`. */
export function readBatchDocument(answer: Answer): BatchDocument {
  const document = readSuccess(answer);
  if (fitsSchema(BATCH_DOCUMENT, document)) return document;
  throw notOurs(answer);
}

/** Whether an outcome is about the file with this digest, as the client sent it or as it is stored. */
export function isOf(sha256: string): (outcome: TypeOf<typeof OUTCOME>) => boolean {
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
