import { Settings } from 'typebox/system';
import { Value } from 'typebox/value';
import { beforeAll, describe, expect, it } from 'vitest';
import { CONFIG_SCHEMA } from '../../../src/base/config/schema.ts';
import { findSchemaFaults } from '../../../src/base/schema/find-schema-faults.ts';
import { fitsSchema } from '../../../src/base/schema/fits-schema.ts';
import type { JsonSchema } from '../../../src/base/schema/json-schema.ts';

const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  0.5,
  5000,
  1e9,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  '',
  'x',
  '9/*',
  '../x',
  'ü\u{1f600}',
  [],
  ['x', 'x'],
  ['9/*', 5, null],
  [[]],
  {},
  { i386: ['x86_64'] },
  { 'no basearch': 'x' },
  [{}],
  [{ name: 'ci', hash: 'x', uplod: [] }],
  [{ repositories: ['9/*'], key_files: [], require: 'maybe' }],
];

/** One or two keywords each. */
const SCHEMAS: readonly JsonSchema[] = [
  { const: 'a' },
  { type: ['string', 'null'] },
  { enum: ['x', 5000, null] },
  { minLength: 2 },
  { pattern: '^.$' },
  { minimum: 0, maximum: 1 },
  { items: { type: 'string' }, minItems: 2, uniqueItems: true },
  { additionalProperties: { type: 'array', items: { type: 'string' } } },
  { patternProperties: { '^i': { type: 'string' } } },
  { anyOf: [{ type: 'null' }, { type: 'object', properties: { i386: { type: 'array' } } }] },
  { required: ['constructor'] },
];

/** Every option with each odd value, then each section, the whole file, and keys that the schema does not know. */
function* oddConfigurations(): Generator<unknown, undefined> {
  for (const [section, { properties }] of Object.entries(CONFIG_SCHEMA.properties)) {
    for (const key of [...Object.keys(properties), 'unknown', '__proto__']) {
      for (const value of ODD_VALUES) yield { [section]: Object.fromEntries([[key, value]]) };
    }
    for (const value of ODD_VALUES) yield { [section]: value };
  }
  for (const value of ODD_VALUES) yield value;
  for (const value of ODD_VALUES) yield Object.fromEntries([['unknown', value]]);
}

/** As TypeBox says it: of a property that is not allowed it tells once more that its parent has one. */
function judge(schema: JsonSchema, value: unknown): readonly object[] {
  return Value.Errors(schema, value)
    .filter(({ keyword }) => keyword !== 'additionalProperties')
    .map(({ keyword, instancePath, message }) =>
      keyword === 'boolean'
        ? {
            keyword: 'additionalProperties',
            path: instancePath,
            message: 'must not have additional properties',
          }
        : { keyword, path: instancePath, message },
    );
}

function ours(schema: JsonSchema, value: unknown): readonly object[] {
  return findSchemaFaults(schema, value).map(({ keyword, path, message }) => ({
    keyword,
    path: path.map((key) => `/${key}`).join(''),
    message,
  }));
}

describe('findSchemaFaults', () => {
  beforeAll(() => {
    // It stops at eight otherwise.
    Settings.Set({ maxErrors: 1000 });
  });

  it('finds in a configuration what TypeBox finds, in the same words and order', () => {
    let count = 0;
    for (const value of oddConfigurations()) {
      const faults = ours(CONFIG_SCHEMA, value);
      expect(faults, JSON.stringify(value)).toEqual(judge(CONFIG_SCHEMA, value));
      count += faults.length;
    }
    expect(count).toBeGreaterThan(1000);
  });

  it.each(SCHEMAS)('takes by %j what TypeBox takes', (schema) => {
    for (const value of ODD_VALUES) {
      expect(fitsSchema(schema, value), JSON.stringify(value)).toBe(Value.Check(schema, value));
    }
  });
});
