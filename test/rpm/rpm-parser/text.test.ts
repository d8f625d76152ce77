import { isUtf8 } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { decodeText, inspectText } from '../../../src/rpm/rpm-parser/text.ts';

function decode(...bytes: readonly number[]): string {
  return decodeText(Buffer.from(bytes), 0, bytes.length);
}

function inspect(...bytes: readonly number[]) {
  return inspectText(Buffer.from(bytes), 0, bytes.length);
}

describe('decodeText', () => {
  it('reads UTF-8, of one to four bytes', () => {
    const text = 'a é € 𝄞';
    const bytes = Buffer.from(text);
    expect(decodeText(bytes, 0, bytes.length)).toBe(text);
  });

  it('reads Latin-1 when the bytes do not have the shape of UTF-8', () => {
    expect(decode(0x63, 0x61, 0x66, 0xe9)).toBe('café');
    expect(decode(0xe9, 0x61, 0x62)).toBe('éab');
    expect(decode(0x80)).toBe('\u0080');
    expect(decode(0xff)).toBe('ÿ');
  });

  it('reads only the bytes asked for', () => {
    expect(decodeText(Buffer.from('xxabcxx'), 2, 5)).toBe('abc');
    expect(decodeText(Buffer.from('aé'), 0, 2)).toBe('aÃ');
  });

  it('agrees with the strict decoder on every sequence of up to three bytes', () => {
    const differing: string[] = [];
    const bytes = Buffer.alloc(3);
    for (let lead = 0x80; lead < 0x100; lead++) {
      for (let second = 0; second < 0x100; second++) {
        for (const third of [0x00, 0x41, 0x7f, 0x80, 0xbe, 0xbf, 0xc0, 0xff]) {
          bytes.set([lead, second, third]);
          const isStrict = ['utf-8', 'ascii'].includes(inspectText(bytes, 0, 3).encoding);
          if (isStrict !== isUtf8(bytes)) differing.push(bytes.toString('hex'));
        }
      }
    }
    expect(differing).toEqual([]);
  });
});

describe('inspectText', () => {
  it.each([
    ['an overlong slash', [0xc0, 0xaf]],
    ['an overlong three-byte form', [0xe0, 0x80, 0x80]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a code point above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
  ])('calls %s ill-formed', (_, bytes) => {
    expect(inspect(...bytes).encoding).toBe('ill-formed');
  });

  it('finds control characters, but not those that XML can hold', () => {
    expect(inspect(0x41, 0x1b, 0x42)).toMatchObject({ hasControl: true, hasLineControl: false });
    expect(inspect(0x41, 0x0a)).toMatchObject({ hasControl: false, hasLineControl: true });
    expect(inspect(0x7f)).toMatchObject({ encoding: 'ascii', hasControl: false });
    expect(inspect(0xe9, 0x01)).toMatchObject({ encoding: 'latin-1', hasControl: true });
  });

  it('finds U+FFFE and U+FFFF, but not in what turns out to be Latin-1', () => {
    expect(inspect(0xef, 0xbf, 0xbe).hasNoncharacter).toBe(true);
    expect(inspect(0xef, 0xbf, 0xbf).hasNoncharacter).toBe(true);
    expect(inspect(0xef, 0xbf, 0xbd).hasNoncharacter).toBe(false);
    expect(inspect(0xef, 0xbf, 0xbe, 0xff)).toMatchObject({ encoding: 'latin-1', hasNoncharacter: false });
  });

  it('stays Latin-1 once a byte is none of UTF-8', () => {
    expect(inspect(0xc0, 0xaf, 0xff, 0xc0, 0xaf).encoding).toBe('latin-1');
  });
});
