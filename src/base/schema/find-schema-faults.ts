import type { JsonSchema } from './json-schema.ts';

/** A fault at one place of a value. */
export interface SchemaFault {
  /** The keyword of the schema that the value does not meet. */
  readonly keyword: keyof JsonSchema;
  /** The keys and indexes that lead to the place; of a property that is not allowed, to that property. */
  readonly path: readonly string[];
  /** What would be right: `must be string`. */
  readonly message: string;
  /** Only of `enum`. */
  readonly allowedValues?: readonly unknown[];
}

/**
 * The faults of a value by a schema; empty when it has none. For a value that fits no branch of `anyOf` there is one
 * fault, which says so.
 */
export function findSchemaFaults(
  schema: JsonSchema,
  value: unknown,
  path: readonly string[] = [],
): readonly SchemaFault[] {
  return [
    ...typeFaults(schema, value, path),
    ...(isRecord(value) ? objectFaults(schema, value, path) : []),
    ...(Array.isArray(value) ? arrayFaults(schema, value, path) : []),
    ...(typeof value === 'string' ? textFaults(schema, value, path) : []),
    ...(isNumber(value) ? numberFaults(schema, value, path) : []),
    ...choiceFaults(schema, value, path),
  ];
}

function typeFaults({ type }: JsonSchema, value: unknown, path: readonly string[]): readonly SchemaFault[] {
  if (type === undefined) return [];
  const types = typeof type === 'string' ? [type] : type;
  if (types.some((name) => isOfType(name, value))) return [];
  return [{ keyword: 'type', path, message: `must be ${types.join(' or ')}` }];
}

function isOfType(name: string, value: unknown): boolean {
  if (name === 'object') return isRecord(value);
  if (name === 'array') return Array.isArray(value);
  if (name === 'null') return value === null;
  if (name === 'integer') return Number.isInteger(value);
  return name === 'number' ? isNumber(value) : typeof value === name;
}

function objectFaults(
  schema: JsonSchema,
  value: Readonly<Record<string, unknown>>,
  path: readonly string[],
): readonly SchemaFault[] {
  const { properties = {}, required = [], patternProperties = {}, additionalProperties = true } = schema;
  const missing = required.filter((key) => !Object.hasOwn(value, key));
  const faults: SchemaFault[] = [];
  if (missing.length > 0) {
    faults.push({
      keyword: 'required',
      path,
      message: `must have required properties ${missing.join(', ')}`,
    });
  }
  const patterns = Object.entries(patternProperties).map(
    ([pattern, one]) => [new RegExp(pattern, 'u'), one] as const,
  );
  const isNamed = (key: string): boolean =>
    Object.hasOwn(properties, key) || patterns.some(([pattern]) => pattern.test(key));
  for (const [key, content] of Object.entries(value).filter(([name]) => !isNamed(name))) {
    if (additionalProperties === false) {
      faults.push({
        keyword: 'additionalProperties',
        path: [...path, key],
        message: 'must not have additional properties',
      });
    } else if (additionalProperties !== true) {
      faults.push(...findSchemaFaults(additionalProperties, content, [...path, key]));
    }
  }
  for (const [pattern, one] of patterns) {
    const matching = Object.entries(value).filter(([key]) => pattern.test(key));
    for (const [key, content] of matching) faults.push(...findSchemaFaults(one, content, [...path, key]));
  }
  for (const [key, property] of Object.entries(properties)) {
    if (Object.hasOwn(value, key)) faults.push(...findSchemaFaults(property, value[key], [...path, key]));
  }
  return faults;
}

function arrayFaults(
  { items, minItems = 0, uniqueItems = false }: JsonSchema,
  value: readonly unknown[],
  path: readonly string[],
): readonly SchemaFault[] {
  const faults =
    items === undefined
      ? []
      : value.flatMap((item, index) => findSchemaFaults(items, item, [...path, String(index)]));
  if (value.length < minItems) {
    faults.push({ keyword: 'minItems', path, message: `must not have fewer than ${minItems} items` });
  }
  if (uniqueItems && new Set(value.map((item) => JSON.stringify(item))).size < value.length) {
    faults.push({ keyword: 'uniqueItems', path, message: 'must not have duplicate items' });
  }
  return faults;
}

function textFaults(
  { minLength = 0, pattern }: JsonSchema,
  value: string,
  path: readonly string[],
): readonly SchemaFault[] {
  const faults: SchemaFault[] = [];
  if (Array.from(value).length < minLength) {
    faults.push({ keyword: 'minLength', path, message: `must not have fewer than ${minLength} characters` });
  }
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) {
    faults.push({ keyword: 'pattern', path, message: `must match pattern "${pattern}"` });
  }
  return faults;
}

function numberFaults(
  { minimum, maximum }: JsonSchema,
  value: number,
  path: readonly string[],
): readonly SchemaFault[] {
  const faults: SchemaFault[] = [];
  if (minimum !== undefined && value < minimum) {
    faults.push({ keyword: 'minimum', path, message: `must be >= ${minimum}` });
  }
  if (maximum !== undefined && value > maximum) {
    faults.push({ keyword: 'maximum', path, message: `must be <= ${maximum}` });
  }
  return faults;
}

function choiceFaults(schema: JsonSchema, value: unknown, path: readonly string[]): readonly SchemaFault[] {
  const faults: SchemaFault[] = [];
  if (schema.const !== undefined && value !== schema.const) {
    faults.push({ keyword: 'const', path, message: 'must be equal to constant' });
  }
  if (schema.enum !== undefined && !schema.enum.some((allowed) => allowed === value)) {
    const message = 'must be equal to one of the allowed values';
    faults.push({ keyword: 'enum', path, message, allowedValues: schema.enum });
  }
  if (schema.anyOf?.every((one) => findSchemaFaults(one, value, path).length > 0) === true) {
    faults.push({ keyword: 'anyOf', path, message: 'must match a schema in anyOf' });
  }
  return faults;
}

/** YAML has infinities and NaN; JSON has neither, and JSON Schema has no keyword for them. */
function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
