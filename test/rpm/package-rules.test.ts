import { describe, expect, it } from 'vitest';
import {
  compareSize,
  findDefect,
  findIndexDefect,
  findWrongDigest,
  isProvable,
  type RuledPackage,
} from '../../src/rpm/package-rules.ts';
import type { PackageDigests } from '../../src/rpm/rpm-parser/rpm-package.ts';

const SOUND: RuledPackage = {
  payloadFormat: 'cpio',
  arch: 'x86_64',
  os: 'linux',
  isSource: false,
  textDefects: [],
  dependencyDefect: undefined,
  installDefect: undefined,
};

const CONTROL = { tag: 'NAME', index: 0, defect: 'control' } as const;
const LATIN_1 = { tag: 'SUMMARY', index: 0, defect: 'latin-1' } as const;
const DEEP = { tag: 'REQUIRENAME', index: 0, problem: 'nested-too-deep', start: '((' } as const;

/** Each a defect for itself; the last ones say nothing of the metadata. */
const FACTS: readonly (readonly [kind: string, facts: Partial<RuledPackage>, isIndexDefect: boolean])[] = [
  ['payload-format', { payloadFormat: 'drpm' }, true],
  ['text', { textDefects: [LATIN_1, CONTROL] }, true],
  ['dependency', { dependencyDefect: DEEP }, true],
  ['os', { os: undefined }, false],
  ['os', { os: undefined, isSource: true }, false],
  ['os', { os: 'freebsd' }, false],
  ['arch', { arch: 'amd64' }, false],
  ['install', { installDefect: 'its files do not fit' }, false],
];

describe('a package', () => {
  it('without a defect is taken and described', () => {
    expect(findDefect(SOUND)).toBeUndefined();
    expect(findIndexDefect(SOUND)).toBeUndefined();
    expect(findDefect({ ...SOUND, os: 'Linux', textDefects: [LATIN_1] })).toBeUndefined();
    expect(findDefect({ ...SOUND, os: 'freebsd', arch: 'amd64', isSource: true })).toBeUndefined();
  });

  it.each(FACTS)('is not taken with a defect of %s: %o', (kind, facts, isIndexDefect) => {
    expect(findDefect({ ...SOUND, ...facts })).toMatchObject({ kind });
    expect(findIndexDefect({ ...SOUND, ...facts })?.kind).toBe(isIndexDefect ? kind : undefined);
  });

  it('that an index could not describe is never taken, whatever else is wrong with it', () => {
    const pairs = FACTS.flatMap(([, one]) => FACTS.map(([, other]) => ({ ...SOUND, ...one, ...other })));
    const undescribable = pairs.filter((rpm) => findIndexDefect(rpm) !== undefined);
    expect(undescribable.length).toBeGreaterThan(20);
    expect(undescribable.filter((rpm) => findDefect(rpm) === undefined)).toEqual([]);
  });
});

const HEX = 'ab'.repeat(32);
const payload = [{ tag: 'PAYLOADSHA256', algorithm: 'sha256', hex: HEX }] as const;

describe('the digests of a package', () => {
  it.each<[isProvable: boolean, PackageDigests]>([
    [true, { headerSha256: HEX, payload }],
    [true, { headerSha1: HEX, payload }],
    [true, { headerSha3_256: HEX, payload }],
    [true, { headerAndPayloadMd5: HEX, payload: [] }],
    [false, { headerSha256: HEX, payload: [] }],
    [false, { payload }],
  ])('prove all of it: %s for %o', (expected, digests) => {
    expect(isProvable(digests)).toBe(expected);
  });

  it('are wrong when one is', () => {
    const computed = { payload: new Map([['sha256', HEX]] as const), headerAndPayloadMd5: 'cd' };
    const right = { payload, headerAndPayloadMd5: 'cd' };
    expect(findWrongDigest(right, computed)).toBeUndefined();
    expect(findWrongDigest({ ...right, headerAndPayloadMd5: 'ef' }, computed)).toEqual({
      covers: 'header and payload',
      hex: 'ef',
    });
    expect(findWrongDigest(right, { ...computed, payload: new Map() })).toEqual({
      covers: 'payload',
      digest: payload[0],
    });
  });
});

describe('the size that a package says', () => {
  it('is compared only where there is one', () => {
    expect(compareSize({ payload: [] }, 5)).toBeUndefined();
    expect(compareSize({ payload: [], headerAndPayloadSizeBytes: 5 }, 5)).toBeUndefined();
    expect(compareSize({ payload: [], headerAndPayloadSizeBytes: 5 }, 4)).toBe('cut');
    expect(compareSize({ payload: [], headerAndPayloadSizeBytes: 5 }, 6)).toBe('longer');
  });
});
