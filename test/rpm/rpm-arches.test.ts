import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isRpmArch, rpmWordFor } from '../../src/rpm/rpm-arches.ts';
import { findBasearch } from '../../src/storage/arch-table.ts';

/** What the installed rpm knows; the table here is that of a newer one. */
const INSTALLED = [
  ...readFileSync('/usr/lib/rpm/rpmrc', 'utf8').matchAll(/^arch_canon:\s*\S+?:\s*(\S+)/gm),
].map(([, arch = '']) => arch);
/** In rpm's tables, but no package of these is taken by dnf or zypper. */
const NOT_TAKEN = ['amd64', 'ia32e', 'em64t'];

describe('the architectures of rpm', () => {
  it('are all that the installed rpm knows, but for those that hosts do not take', () => {
    expect(INSTALLED.length).toBeGreaterThan(80);
    expect(INSTALLED.filter((arch) => !isRpmArch(arch)).toSorted()).toEqual(NOT_TAKEN.toSorted());
  });

  it('have a repository each', () => {
    const known = [...INSTALLED, 'x86_64_v2', 'x86_64_v3', 'x86_64_v4'].filter(isRpmArch);
    expect(known.filter((arch) => findBasearch(arch) === undefined)).toEqual([]);
  });

  it.each([
    ['amd64', 'x86_64'],
    ['x64', 'x86_64'],
    ['X86_64', 'x86_64'],
    ['arm64', 'aarch64'],
    ['all', 'noarch'],
    ['any', 'noarch'],
    ['386', 'i686'],
    ['armhf', 'armv7hl'],
    ['armhfp', 'armv7hl'],
    ['loong64', 'loongarch64'],
    ['sw_64', undefined],
    ['__proto__', undefined],
  ])('are not called %s, but %s', (foreign, word) => {
    expect(isRpmArch(foreign)).toBe(false);
    expect(rpmWordFor(foreign)).toBe(word);
  });
});
