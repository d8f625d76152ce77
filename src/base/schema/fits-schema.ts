import { findSchemaFaults } from './find-schema-faults.ts';
import type { JsonSchema, TypeOf } from './json-schema.ts';

/** Whether a value, as JSON or YAML gives it, fits a schema. */
export function fitsSchema<const Schema extends JsonSchema>(
  schema: Schema,
  value: unknown,
): value is TypeOf<Schema> {
  return findSchemaFaults(schema, value).length === 0;
}
