import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ABILITIES, isMissing } from './support/lacks.ts';
import { describeSkipped, needsOf } from './support/skipped-tests.ts';

const security = readFileSync(join(import.meta.dirname, '../docs/security.md'), 'utf8');

/** From each `skipIf` to the function of its tests. */
const SKIPS = /\.skipIf\((?<condition>.*?)\)(?:\.each\(\[.*?\]\))?\(\s*(?<title>'[^']*'|"[^"]*")/gs;

describe('a test that skips itself', () => {
  it('has in its title what it needs', () => {
    const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' });
    const sources = files
      .filter((name) => name.endsWith('.test.ts') && name !== basename(import.meta.filename))
      .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'));
    const skips = sources.flatMap((source) => [...source.matchAll(SKIPS)]);
    expect(skips).toHaveLength(sources.join('\n').match(/\.skipIf\(|\.runIf\(|\.skip\b/g)?.length ?? 0);
    expect(skips.length).toBeGreaterThan(30);
    for (const { groups: { condition = '', title = '' } = {} } of skips) {
      const lacked = [...condition.matchAll(/lacks\('(?<name>[^']+)'/g)].map(
        ({ groups }) => groups?.['name'],
      );
      expect(needsOf(title), title).toEqual(lacked);
      expect(lacked.length, title).toBeGreaterThan(0);
    }
  });

  it('is skipped where something is missing, and fails there when everything is required', () => {
    const absent = { needs: 'a thing', isThere: () => false };
    const present = { needs: 'a thing', isThere: () => true };
    expect(isMissing(absent, false)).toBe(true);
    expect(isMissing(present, false)).toBe(false);
    expect(isMissing(present, true)).toBe(false);
    expect(() => isMissing(absent, true)).toThrow('RPMYARD_TESTS_REQUIRE=all, and this machine lacks what');
    // What some machines cannot have is required of none.
    expect(isMissing({ ...absent, isOptional: true }, true)).toBe(true);
  });

  it('is named at the end of a run with what it needs and what docs/security.md promises on it', () => {
    const skipped = [
      {
        file: 'test/faults/upload-kill.test.ts',
        title: 'a service that is killed (needs strace) > is right',
      },
      { file: 'test/faults/full-disk.test.ts', title: 'a full disk (needs mounts) > heals' },
    ];
    const text = describeSkipped(skipped, security, new Map([['strace', 'strace']])).join('\n');
    expect(text).toContain('1 tests need strace');
    expect(text).toContain('promised in docs/security.md: An acknowledged package survives a crash.');
    expect(text).not.toContain('full-disk');
    expect(describeSkipped(skipped, security, new Map())).toEqual([]);
  });

  it('needs what is known', () => {
    expect(Object.values(ABILITIES).map(({ needs }) => needs)).not.toContain('');
  });
});
