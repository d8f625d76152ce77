import type { JsonSchema } from '../base/schema/json-schema.ts';
import { COUNT, SHA256, TEXT } from './fields.ts';
import { SIGNATURE_VERDICT } from './signature-verdict.ts';

/** What some codes say beside the text; docs/errors.md says which. */
const DETAILS = {
  refused: {
    type: 'array',
    description: 'the packages because of which a batch was refused',
    items: {
      type: 'object',
      properties: { nevra: TEXT, sha256: SHA256, code: TEXT, detail: TEXT },
      required: ['nevra', 'sha256', 'code', 'detail'],
    },
  },
  offset: COUNT,
  quota: TEXT,
  limit: COUNT,
  repository: TEXT,
  repositories: { type: 'array', items: TEXT },
  location: TEXT,
  signature: SIGNATURE_VERDICT,
  part: TEXT,
  storedNevra: TEXT,
  sentNevra: TEXT,
  storedSha256: SHA256,
  storedReceivedSha256: SHA256,
  acknowledgedSha256: SHA256,
  sentSha256: SHA256,
  release: TEXT,
  arch: TEXT,
  rpmArch: TEXT,
  tag: TEXT,
  index: COUNT,
  defect: TEXT,
  problem: TEXT,
  parserCode: TEXT,
} as const;

/** An error (RFC 9457). */
export const PROBLEM = {
  type: 'object',
  properties: {
    type: { const: 'about:blank' },
    title: TEXT,
    status: { type: 'integer' },
    detail: { type: 'string', description: 'what was expected and what was found' },
    code: { type: 'string', description: 'docs/errors.md explains each; a newer service may have more' },
    hint: { type: 'string', description: 'what to do next' },
    requestId: {
      type: 'string',
      description: 'under which the log of the service has more; what nginx itself refuses has none',
    },
    ...DETAILS,
  },
  required: ['type', 'title', 'status', 'detail', 'code', 'hint'],
} as const satisfies JsonSchema;
