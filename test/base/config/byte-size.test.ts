import { describe, expect, it } from 'vitest';
import { isByteSize, parseByteSize } from '../../../src/base/config/byte-size.ts';

describe('parseByteSize', () => {
  it.each([
    ['10 GiB', 10 * 1024 ** 3],
    ['500 MiB', 500 * 1024 ** 2],
    ['4096', 4096],
    ['4096 B', 4096],
    ['1.5 KiB', 1536],
    ['1TiB', 1024 ** 4],
    ['  2  mib  ', 2 * 1024 ** 2],
    ['0', 0],
    ['0.3 B', 0],
  ])('reads %j as %i bytes', (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
    expect(isByteSize(text)).toBe(true);
  });

  it.each([
    '',
    ' ',
    'GiB',
    '10 GB',
    '10 PiB',
    '-1',
    '1e3',
    '1,5 GiB',
    '0x10',
    '1 GiB extra',
    'Infinity',
    '.5 KiB',
  ])('takes %j for no size', (text) => {
    expect(parseByteSize(text)).toBeNaN();
    expect(isByteSize(text)).toBe(false);
  });
});
