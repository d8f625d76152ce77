import { describe, expect, it } from 'vitest';
import { findBasearch } from '../../src/storage/arch-table.ts';

describe('basearchOf', () => {
  it.each([
    ['i386', 'i386'],
    ['i486', 'i386'],
    ['i586', 'i386'],
    ['i686', 'i386'],
    ['athlon', 'i386'],
    ['geode', 'i386'],
    ['x86_64', 'x86_64'],
    ['x86_64_v2', 'x86_64'],
    ['x86_64_v3', 'x86_64'],
    ['x86_64_v4', 'x86_64'],
    ['amd64', 'x86_64'],
    ['ia32e', 'x86_64'],
    ['armv6hl', 'armhfp'],
    ['armv7hl', 'armhfp'],
    ['armv7hnl', 'armhfp'],
    ['armv5tel', 'arm'],
    ['aarch64', 'aarch64'],
    ['ppc64', 'ppc64'],
    ['ppc64p7', 'ppc64'],
    ['ppc64le', 'ppc64le'],
    ['s390x', 's390x'],
    ['riscv64', 'riscv64'],
    ['loongarch64', 'loongarch64'],
  ])('puts %s into %s', (arch, basearch) => {
    expect(findBasearch(arch)).toBe(basearch);
  });

  it.each(['', 'x86-64', 'X86_64', 'pdp11', 'noarch', 'src', 'SRPMS', '../x', '__proto__', 'constructor'])(
    'does not know %j',
    (arch) => {
      expect(findBasearch(arch)).toBeUndefined();
    },
  );
});
