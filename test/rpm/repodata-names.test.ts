import { describe, expect, it } from 'vitest';
import {
  generationName,
  generationNumber,
  isChecksumNamed,
  isSimplyNamed,
} from '../../src/rpm/repodata-names.ts';

describe('the name of a generation', () => {
  it('gives its number back', () => {
    expect(generationNumber(generationName(1_800_000_000))).toBe(1_800_000_000);
  });

  it.each(['@', '@0', '@07', '@7x', '7', 'x@7', '@-7', '@7\n', `@${'9'.repeat(16)}`])('is not %j', (name) => {
    expect(generationNumber(name)).toBeUndefined();
  });
});

describe('a name with a checksum in it', () => {
  it.each([
    [39, false],
    [40, true],
    [64, true],
    [128, true],
    [129, false],
  ])('has as many hexadecimal digits as a sha1 to a sha512: %i is %s', (digits, isNamed) => {
    expect(isChecksumNamed(`${'a'.repeat(digits)}-primary.xml.gz`)).toBe(isNamed);
  });

  it.each(['repomd.xml', '@7', 'primary.xml.gz', 'A'.repeat(64)])('is not %s', (name) => {
    expect(isChecksumNamed(name)).toBe(false);
  });
});

describe('a simple name of metadata', () => {
  it.each(['primary.xml.gz', 'filelists.xml.zst', 'other.xml', 'primary.sqlite.bz2', 'filelists-ext.xml.gz'])(
    'is %s',
    (name) => {
      expect(isSimplyNamed(name)).toBe(true);
    },
  );

  it.each(['repomd.xml', 'comps.xml', 'primary.txt', 'my-primary.xml.gz', 'primary.xml.gz.old'])(
    'is not %s',
    (name) => {
      expect(isSimplyNamed(name)).toBe(false);
    },
  );
});
