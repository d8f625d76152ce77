import type { JsonSchema } from '../base/schema/json-schema.ts';
import { PROBLEM } from './problem.ts';
import { UPLOAD_OUTCOME } from './upload-outcome.ts';

const FILE = { type: 'string', description: 'as the form calls it' } as const;

/** What became of each file of a form. */
export const UPLOAD_RESULTS = {
  type: 'object',
  properties: {
    results: {
      type: 'array',
      items: {
        anyOf: [
          {
            type: 'object',
            properties: { file: FILE, status: { type: 'integer' }, ...UPLOAD_OUTCOME.properties },
            required: ['file', 'status', ...UPLOAD_OUTCOME.required],
          },
          {
            type: 'object',
            properties: { file: FILE, ...PROBLEM.properties },
            required: ['file', ...PROBLEM.required],
          },
        ],
      },
    },
  },
  required: ['results'],
} as const satisfies JsonSchema;
