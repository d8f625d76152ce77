import { existsSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { plantFault } from './mutation.ts';
import { MUTATIONS } from './mutations.ts';

const ROOT = join(import.meta.dirname, '../..');

describe('the list of faults', () => {
  it('is long enough to mean something, and names each fault once', () => {
    expect(MUTATIONS.length).toBeGreaterThan(60);
    expect(new Set(MUTATIONS.map(({ file, fault }) => `${file}: ${fault}`)).size).toBe(MUTATIONS.length);
  });

  it.each(MUTATIONS)('still applies to $file: $fault', (mutation) => {
    const source = readFileSync(join(ROOT, mutation.file), 'utf8');
    const planted = plantFault(source, mutation);
    expect(planted).not.toBe(source);
    expect(stripTypeScriptTypes(planted)).not.toBe('');
    expect(mutation.tests.length).toBeGreaterThan(0);
    expect(mutation.tests.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});
