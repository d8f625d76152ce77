import type { JsonSchema } from '../base/schema/json-schema.ts';
import type { ErrorCode } from '../errors.ts';
import type { DocumentOf } from './document-of.ts';
import { TEXT } from './fields.ts';

/** A fault of a package that the service takes all the same. */
export const PACKAGE_WARNING = {
  type: 'object',
  properties: {
    code: { type: 'string', description: 'docs/errors.md explains each' },
    tag: { type: 'string', description: 'rpm’s name of the tag that it is about' },
    text: TEXT,
  },
  required: ['code', 'text'],
} as const satisfies JsonSchema;

export interface PackageWarning extends DocumentOf<typeof PACKAGE_WARNING> {
  readonly code: ErrorCode;
}
