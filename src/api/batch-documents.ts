import type { JsonSchema } from '../base/schema/json-schema.ts';
import type { DocumentOf } from './document-of.ts';
import { COUNT, OTHER_WORD, REPOSITORY_NAME, TEXT, TIME } from './fields.ts';
import { UPLOAD_OUTCOME } from './upload-outcome.ts';

const STATE = { anyOf: [{ enum: ['staged', 'committing', 'committed'] }, OTHER_WORD] } as const;
const PACKAGES = { type: 'array', items: UPLOAD_OUTCOME } as const;

const BATCH_SUMMARY = {
  type: 'object',
  properties: {
    batch: TEXT,
    state: STATE,
    packageCount: COUNT,
    sizeBytes: COUNT,
    repositories: { type: 'array', items: REPOSITORY_NAME },
    changedAt: TIME,
    keptUntil: TIME,
  },
  required: ['batch', 'state', 'packageCount', 'sizeBytes', 'repositories', 'changedAt', 'keptUntil'],
} as const satisfies JsonSchema;

/** What a batch comes to. */
export type BatchSummaryDocument = DocumentOf<typeof BATCH_SUMMARY>;

/** Every batch that the client may read. */
export const BATCH_LIST = {
  type: 'object',
  properties: { batches: { type: 'array', items: BATCH_SUMMARY } },
  required: ['batches'],
} as const satisfies JsonSchema;

/** One batch, and its packages. */
export const BATCH_DOCUMENT = {
  type: 'object',
  properties: { ...BATCH_SUMMARY.properties, packages: PACKAGES },
  required: [...BATCH_SUMMARY.required, 'packages'],
} as const satisfies JsonSchema;

export type BatchDocument = DocumentOf<typeof BATCH_DOCUMENT>;

/** How far a commit is. */
export const COMMIT_DOCUMENT = {
  type: 'object',
  properties: { batch: TEXT, state: STATE, packages: PACKAGES },
  required: ['batch', 'state', 'packages'],
} as const satisfies JsonSchema;

export type CommitDocument = DocumentOf<typeof COMMIT_DOCUMENT>;
