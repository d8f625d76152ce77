import { describe, expect, it } from 'vitest';
import { parseRpm } from '../../../src/rpm/rpm-parser/parse-rpm.ts';
import { SignatureTag, Tag } from '../../../src/rpm/rpm-parser/tag.ts';
import {
  addTags,
  binaryTag,
  type CraftSpec,
  craftRpm,
  dropTags,
  formatSix,
  int32Tag,
  int64Tag,
  replaceTags,
  stringArrayTag,
  stringTag,
} from '../../support/craft-rpm.ts';

const SHA256 = 'AB'.repeat(32);
const SHA512 = 'cd'.repeat(64);

function parse(spec: CraftSpec) {
  const bytes = craftRpm(spec);
  return parseRpm(bytes, bytes.length);
}

describe('the digests of a package', () => {
  it('are those of the signature header and of the payload', () => {
    const bytes = craftRpm();
    const { digests, headerRange } = parseRpm(bytes, bytes.length);
    expect(digests).toMatchObject({
      headerSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      headerSha1: expect.stringMatching(/^[0-9a-f]{40}$/),
      headerAndPayloadMd5: expect.stringMatching(/^[0-9a-f]{32}$/),
      headerAndPayloadSizeBytes: bytes.length - headerRange.start,
      payload: [{ algorithm: 'sha256' }],
    });
  });

  it('are absent when the package records none', () => {
    const { digests } = parse({
      editHeader: dropTags(Tag.PAYLOADSHA256),
      editSignature: () => [int32Tag(SignatureTag.SIZE, [1])],
    });
    expect(digests).toEqual({ headerAndPayloadSizeBytes: 1, payload: [] });
  });

  it('of format 6 include SHA-512 and SHA3-256, in lower case', () => {
    const { digests } = parse({
      editHeader: (tags) => [
        ...dropTags(Tag.PAYLOADSHA256ALGO, Tag.PAYLOADSHA256)(tags),
        stringArrayTag(Tag.PAYLOADSHA256, [SHA256]),
        stringTag(Tag.PAYLOADSHA512, SHA512),
        stringTag(Tag.PAYLOADSHA3_256, SHA256),
      ],
      editSignature: addTags(stringTag(SignatureTag.SHA3_256, SHA256)),
    });
    expect(digests.headerSha3_256).toBe(SHA256.toLowerCase());
    expect(digests.payload).toEqual([
      { tag: 'PAYLOADSHA256', algorithm: 'sha256', hex: SHA256.toLowerCase() },
      { tag: 'PAYLOADSHA512', algorithm: 'sha512', hex: SHA512 },
      { tag: 'PAYLOADSHA3_256', algorithm: 'sha3-256', hex: SHA256.toLowerCase() },
    ]);
  });

  it('of the payload are SHA-256 whatever algorithm the package names, as for rpm', () => {
    const editHeader = replaceTags(
      stringArrayTag(Tag.PAYLOADSHA256, [SHA512]),
      int32Tag(Tag.PAYLOADSHA256ALGO, [10]),
    );
    expect(parse({ editHeader }).digests.payload).toEqual([
      { tag: 'PAYLOADSHA256', algorithm: 'sha256', hex: SHA512 },
    ]);
  });

  it('honour the 64-bit size', () => {
    const editSignature = addTags(int64Tag(SignatureTag.LONGSIZE, [6_000_000_000]));
    expect(parse({ editSignature }).digests.headerAndPayloadSizeBytes).toBe(6_000_000_000);
  });

  it('of format 6 have the size of the payload, and it counts before an unsigned one', () => {
    const bytes = craftRpm({ payload: Buffer.alloc(5000), ...formatSix(5000) });
    const { digests, headerRange } = parseRpm(bytes, bytes.length);
    expect(digests.headerAndPayloadSizeBytes).toBe(bytes.length - headerRange.start);
    const { editHeader } = formatSix(6_000_000_000);
    const [large, unsized] = [parse({ editHeader }), parse(formatSix(0))];
    expect(large.digests.headerAndPayloadSizeBytes).toBe(
      large.headerRange.end - large.headerRange.start + 6_000_000_000,
    );
    expect(unsized.digests.headerAndPayloadSizeBytes).toBe(
      unsized.headerRange.end - unsized.headerRange.start,
    );
  });

  it.each([
    ['an MD5 that is text', replaceTags(stringTag(SignatureTag.MD5, 'ab'))],
    ['an MD5 of 15 bytes', replaceTags(binaryTag(SignatureTag.MD5, Buffer.alloc(15)))],
    ['a SHA256 that is binary', replaceTags(binaryTag(SignatureTag.SHA256, Buffer.alloc(32)))],
    ['a SHA256 that is too short', replaceTags(stringTag(SignatureTag.SHA256, 'abcd'))],
    ['a SHA256 that is no hex', replaceTags(stringTag(SignatureTag.SHA256, 'x'.repeat(64)))],
    ['a SIZE that is text', replaceTags(stringTag(SignatureTag.SIZE, '1'))],
    ['two SHA256', addTags(stringTag(SignatureTag.SHA256, SHA256))],
    ['a signature that is text', addTags(stringTag(SignatureTag.RSA, 'a'))],
    ['two values of SIZE', replaceTags(int32Tag(SignatureTag.SIZE, [1, 2]))],
    [
      'a size of the archive in 64 bits under the tag of 32',
      replaceTags(int64Tag(SignatureTag.PAYLOADSIZE, [1])),
    ],
  ])('must not have %s', (_, editSignature) => {
    expect(() => parse({ editSignature })).toThrow(expect.objectContaining({ code: 'TAG_INVALID' }));
  });
});

describe('what may stand in one of the two headers only', () => {
  it.each([Tag.ARCHIVESIZE, Tag.FILESIGNATURELENGTH])('is tag %i, and may be in the main one', (tag) => {
    const editHeader = addTags(int32Tag(tag, [1]));
    const editSignature = dropTags(SignatureTag.PAYLOADSIZE);
    expect(parse({ editHeader, editSignature }).name).toBe('example');
    const inBoth = addTags(
      int32Tag(tag === Tag.ARCHIVESIZE ? SignatureTag.PAYLOADSIZE : SignatureTag.FILESIGNATURELENGTH, [1]),
    );
    expect(() => parse({ editHeader, editSignature: (tags) => inBoth(editSignature(tags)) })).toThrow(
      expect.objectContaining({ code: 'TAG_INVALID' }),
    );
  });
});

describe('the size of a payload', () => {
  it.each([
    ['of 32 bits', int32Tag(Tag.PAYLOADSIZE, [1])],
    ['above 2^53', int64Tag(Tag.PAYLOADSIZE, [2n ** 53n])],
  ])('must not be one %s', (_, tag) => {
    expect(() => parse({ editHeader: addTags(tag) })).toThrow(
      expect.objectContaining({ code: 'TAG_INVALID' }),
    );
  });
});

describe('the signature of a package', () => {
  it.each([
    ['RSA', binaryTag(SignatureTag.RSA, Buffer.alloc(9))],
    ['DSA', binaryTag(SignatureTag.DSA, Buffer.alloc(9))],
    ['PGP', binaryTag(SignatureTag.PGP, Buffer.alloc(9))],
    ['GPG', binaryTag(SignatureTag.GPG, Buffer.alloc(9))],
    ['OPENPGP', stringArrayTag(SignatureTag.OPENPGP, ['iQ=='])],
  ])('is seen under the tag %s', (_, tag) => {
    expect(parse({}).isSigned).toBe(false);
    expect(parse({ editSignature: addTags(tag) }).isSigned).toBe(true);
  });
});
