import { describe, expect, it } from 'vitest';
import { measureHeader } from '../../../src/rpm/rpm-parser/measure-header.ts';
import { craftRpm } from '../../support/craft-rpm.ts';

const rpm = craftRpm({ files: [{ path: '/usr/bin/tool', content: 'x' }] });

describe('measureHeader', () => {
  it('asks for the bytes it needs, round by round, and then says where the parts begin', () => {
    const needed: number[] = [];
    let extent = measureHeader(rpm.subarray(0, 0), rpm.length);
    while (!extent.isComplete) {
      needed.push(extent.neededBytes);
      extent = measureHeader(rpm.subarray(0, extent.neededBytes), rpm.length);
    }
    expect(needed).toHaveLength(3);
    expect(needed).toEqual(needed.toSorted((a, b) => a - b));
    expect(extent.signatureStart).toBe(96);
    expect(extent.headerStart % 8).toBe(0);
    expect(rpm.subarray(extent.payloadStart, extent.payloadStart + 2)).toEqual(Buffer.from([0x1f, 0x8b]));
  });

  it('needs one round when the first bytes hold the whole header', () => {
    expect(measureHeader(rpm, rpm.length).isComplete).toBe(true);
  });

  it('refuses a file with other magic as soon as it has one wrong byte', () => {
    expect(() => measureHeader(Buffer.from('This is a text'), 5000)).toThrow(
      expect.objectContaining({ code: 'NOT_AN_RPM', offset: 0 }),
    );
    expect(() => measureHeader(Buffer.from([0xed, 0xab, 0xee, 0xdc]), 5000)).toThrow(
      expect.objectContaining({ code: 'NOT_AN_RPM', offset: 3 }),
    );
  });

  it.each([
    [Buffer.from([0x1f, 0x8b, 8, 8]), 'gzip: 1f8b0808'],
    [Buffer.from('--------------------'), 'a form: 2d2d2d2d'],
    [Buffer.from('!<arch>\ndebian-binary'), 'a Debian package: 213c6172'],
    [Buffer.from('<!DOCTYPE html>'), 'HTML or XML: 3c21444f'],
    [Buffer.from('version https://git-lfs.github.com/spec/v1'), 'a Git LFS pointer: 76657273'],
    [Buffer.from([1, 2, 3, 4]), 'found 01020304'],
  ])('names what else a file is: %s', (bytes, named) => {
    expect(() => measureHeader(bytes, 5000)).toThrow(named);
  });

  it('calls a file that ends inside its headers truncated, at whatever byte', () => {
    const extent = measureHeader(rpm, rpm.length);
    if (!extent.isComplete) throw new Error('the crafted package is complete');
    for (let length = 0; length < extent.payloadStart; length++) {
      expect(() => measureHeader(rpm.subarray(0, length), length)).toThrow(
        expect.objectContaining({ code: 'TRUNCATED', offset: length }),
      );
    }
    expect(measureHeader(rpm.subarray(0, extent.payloadStart), extent.payloadStart).isComplete).toBe(true);
  });

  it('never asks for more than the file has, whatever a header announces', () => {
    const lying = Buffer.from(rpm.subarray(0, 112));
    lying.writeUInt32BE(60 * 1024 * 1024, 108);
    expect(() => measureHeader(lying, rpm.length)).toThrow(expect.objectContaining({ code: 'TRUNCATED' }));
    expect(measureHeader(lying, 100 * 1024 * 1024)).toMatchObject({ isComplete: false });
  });

  it('refuses a lead of version 1 and a lead without signature header', () => {
    for (const [offset, value] of [
      [4, 1],
      [79, 0],
    ] as const) {
      const patched = Buffer.from(rpm);
      patched[offset] = value;
      expect(() => measureHeader(patched, patched.length)).toThrow(
        expect.objectContaining({ code: 'LEAD_INVALID' }),
      );
    }
  });

  it.each([
    ['33 tags in the signature header', 104, 33, 'LIMIT_EXCEEDED'],
    ['more than 64 MiB in the signature header', 108, 64 * 1024 * 1024 + 1, 'LIMIT_EXCEEDED'],
    ['no tags', 104, 0, 'HEADER_INVALID'],
    ['other magic', 96, 0, 'HEADER_INVALID'],
  ])('refuses %s', (_, offset, value, code) => {
    const patched = Buffer.from(rpm);
    patched.writeUInt32BE(value, offset);
    expect(() => measureHeader(patched, 2 ** 40)).toThrow(expect.objectContaining({ code }));
  });

  it.each([
    ['65,536 tags', 8, 0x10000],
    ['256 MiB of data', 12, 0x10000000],
  ])('refuses %s in the main header', (_, field, value) => {
    const patched = craftRpm({
      patchHeader: (header) => {
        header.writeUInt32BE(value, field);
        return header;
      },
    });
    expect(() => measureHeader(patched, 2 ** 40)).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED' }),
    );
  });

  it('refuses index and data that come to 256 MiB together', () => {
    const patched = craftRpm({
      patchHeader: (header) => {
        header.writeUInt32BE(0xffff, 8);
        header.writeUInt32BE(0x0fffffff, 12);
        return header;
      },
    });
    expect(() => measureHeader(patched, 2 ** 40)).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED' }),
    );
  });
});
