import type { JsonSchema } from '../base/schema/json-schema.ts';
import type { DocumentOf } from './document-of.ts';
import { COUNT, OTHER_WORD, REPOSITORY_NAME, SHA256, TEXT } from './fields.ts';

const ETAG = { type: 'string', description: 'the sha256 of the uncompressed content, in quotes' } as const;
const STATE = { anyOf: [{ enum: ['published', 'waiting'] }, OTHER_WORD] } as const;

/** What a repository has of metadata that is not made from packages, or will have after the next index run. */
export const METADATA_LIST = {
  type: 'object',
  properties: {
    repository: REPOSITORY_NAME,
    metadata: {
      type: 'array',
      items: {
        type: 'object',
        properties: { type: TEXT, etag: ETAG, state: STATE },
        required: ['type', 'etag', 'state'],
      },
    },
  },
  required: ['repository', 'metadata'],
} as const satisfies JsonSchema;

export type MetadataListDocument = DocumentOf<typeof METADATA_LIST>;

/** Metadata that was put. */
export const METADATA_PUT = {
  type: 'object',
  properties: {
    repository: REPOSITORY_NAME,
    type: TEXT,
    sha256: SHA256,
    sizeBytes: COUNT,
    etag: ETAG,
    state: STATE,
  },
  required: ['repository', 'type', 'sha256', 'sizeBytes', 'etag', 'state'],
} as const satisfies JsonSchema;

export type MetadataPutDocument = DocumentOf<typeof METADATA_PUT>;

/** Metadata that was taken out. */
export const METADATA_REMOVAL = {
  type: 'object',
  properties: {
    repository: REPOSITORY_NAME,
    type: TEXT,
    state: { anyOf: [{ enum: ['removed', 'waiting'] }, OTHER_WORD] },
  },
  required: ['repository', 'type', 'state'],
} as const satisfies JsonSchema;

export type MetadataRemovalDocument = DocumentOf<typeof METADATA_REMOVAL>;
