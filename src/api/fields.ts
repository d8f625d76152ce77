import type { JsonSchema } from '../base/schema/json-schema.ts';

/** What stands beside the words of today in a field that a newer service may have more words for. */
export const OTHER_WORD = { type: 'string' } as const satisfies JsonSchema;

export const TEXT = { type: 'string' } as const satisfies JsonSchema;
export const SHA256 = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const satisfies JsonSchema;
export const TIME = { type: 'string', format: 'date-time' } as const satisfies JsonSchema;
export const COUNT = { type: 'integer', minimum: 0 } as const satisfies JsonSchema;
export const REPOSITORY_NAME = {
  type: 'string',
  description: '`<releasever>/<basearch>`',
} as const satisfies JsonSchema;
export const LOCATION = {
  type: 'string',
  description: 'below the base URL of the repository',
} as const satisfies JsonSchema;
export const NEVRA = {
  type: 'string',
  examples: ['hello-1.0-1.el9.noarch', 'perl-4:5.32.1-481.el9.x86_64'],
} as const satisfies JsonSchema;
