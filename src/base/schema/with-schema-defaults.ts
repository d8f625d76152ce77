import type { JsonSchema } from './json-schema.ts';

/** A value with the default of each property that it lacks, at any depth of objects; the value itself stays as it is. */
export function withSchemaDefaults(schema: JsonSchema, value: unknown): unknown {
  const given = value === undefined ? structuredClone(schema.default) : value;
  if (typeof given !== 'object' || given === null || schema.properties === undefined) return given;
  const own = new Map<string, unknown>(Object.entries(given));
  const filled = Object.entries(schema.properties)
    .map(([key, property]) => [key, withSchemaDefaults(property, own.get(key))] as const)
    .filter(([, content]) => content !== undefined);
  return { ...given, ...Object.fromEntries(filled) };
}
