import { describe, expect, it } from 'vitest';
import { compareLibc, libcVersion } from '../../../src/rpm/repodata/libc-version.ts';

const isNewerLibc = (a: string, b: string): boolean => compareLibc(libcVersion(a), libcVersion(b)) > 0;

/** Oldest first. */
const IN_ORDER = [
  'libc.so.6',
  'libc.so.6(GLIBC_2.4',
  'libc.so.6()(64bit)',
  'libc.so.6(GLIBC_PRIVATE)(64bit)',
  'libc.so.6(GLIBC_2.2.5)(64bit)',
  'libc.so.6(GLIBC_2.3.4)',
  'libc.so.6(GLIBC_2.4)(64bit)',
  'libc.so.6(GLIBC_2.34~rc1)(64bit)',
  'libc.so.6(GLIBC_2.34)(64bit)',
  'libc.so.6(GLIBC_2.34^git)(64bit)',
  'libc.so.6(GLIBC_2.34a)(64bit)',
  'libc.so.6(GLIBC_2.34.1)(64bit)',
  'libc.so.6(GLIBC_2.100)(64bit)',
  'libc.so.6(64bit)',
];

describe('a requirement on the C library', () => {
  it('is newer than those with an older version, and than those without', () => {
    for (const [index, name] of IN_ORDER.entries()) {
      const newer = IN_ORDER.filter((other) => isNewerLibc(other, name));
      expect([name, newer]).toEqual([name, IN_ORDER.slice(index + 1)]);
    }
  });

  it('is not newer for leading zeros or other separators', () => {
    expect(isNewerLibc('libc.so.6(GLIBC_2.034)', 'libc.so.6(GLIBC_2.34)')).toBe(false);
    expect(isNewerLibc('libc.so.6(GLIBC_2_34)', 'libc.so.6(GLIBC_2.34)')).toBe(false);
  });
});
