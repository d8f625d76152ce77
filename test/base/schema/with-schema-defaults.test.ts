import { describe, expect, it } from 'vitest';
import type { JsonSchema } from '../../../src/base/schema/json-schema.ts';
import { withSchemaDefaults } from '../../../src/base/schema/with-schema-defaults.ts';

const SCHEMA: JsonSchema = {
  properties: {
    list: { default: ['x'] },
    none: { type: 'string' },
    inner: { properties: { port: { default: 5000 } } },
  },
};

describe('withSchemaDefaults', () => {
  it('gives what is lacking, at any depth, and leaves what is there', () => {
    expect(withSchemaDefaults(SCHEMA, { inner: {} })).toEqual({ list: ['x'], inner: { port: 5000 } });
    expect(withSchemaDefaults(SCHEMA, { list: null, inner: { port: 'a' }, other: 1 })).toEqual({
      list: null,
      inner: { port: 'a' },
      other: 1,
    });
    expect(withSchemaDefaults(SCHEMA, { inner: 'a text' })).toEqual({ list: ['x'], inner: 'a text' });
  });

  it('keeps its hands off the value and the schema', () => {
    const given = Object.freeze({ inner: Object.freeze({}) });
    const first = withSchemaDefaults(SCHEMA, given);
    if (typeof first !== 'object' || first === null || !('list' in first) || !Array.isArray(first.list)) {
      throw new Error('expected the default list');
    }
    first.list.push('y');
    expect(withSchemaDefaults(SCHEMA, given)).toMatchObject({ list: ['x'] });
  });

  it('keeps a key that names the prototype as a key', () => {
    const given: unknown = JSON.parse('{"__proto__": {"list": []}, "inner": {}}');
    const filled = withSchemaDefaults(SCHEMA, given);
    expect(Object.keys(Object(filled))).toContain('__proto__');
    expect(filled).toMatchObject({ list: ['x'] });
  });
});
