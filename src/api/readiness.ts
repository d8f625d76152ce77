import type { JsonSchema } from '../base/schema/json-schema.ts';
import type { DocumentOf } from './document-of.ts';
import { OTHER_WORD, TEXT } from './fields.ts';

const READINESS_FAULT = {
  type: 'object',
  properties: {
    affects: { anyOf: [{ enum: ['uploads', 'indexes', 'drops', 'nothing'] }, OTHER_WORD] },
    repository: TEXT,
    code: TEXT,
    detail: TEXT,
    hint: TEXT,
  },
  required: ['affects', 'code', 'detail', 'hint'],
} as const satisfies JsonSchema;

export type ReadinessFault = DocumentOf<typeof READINESS_FAULT>;

/** Whether an upload would work now, and what else is wrong. */
export const READINESS = {
  type: 'object',
  properties: {
    status: { anyOf: [{ enum: ['ready', 'degraded', 'unavailable'] }, OTHER_WORD] },
    faults: { type: 'array', items: READINESS_FAULT },
  },
  required: ['status', 'faults'],
} as const satisfies JsonSchema;

export type Readiness = DocumentOf<typeof READINESS>;
