import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseRpm } from '../../../src/rpm/rpm-parser/parse-rpm.ts';
import { SignatureTag, Tag } from '../../../src/rpm/rpm-parser/tag.ts';
import { verifyHeaderDigests } from '../../../src/rpm/rpm-parser/verify-header-digests.ts';
import {
  addTags,
  type CraftTag,
  craftRpm,
  int32Tag,
  replaceTags,
  stringTag,
} from '../../support/craft-rpm.ts';

function verify(bytes: Buffer): void {
  verifyHeaderDigests(bytes, parseRpm(bytes, bytes.length));
}

function crafted(...signatures: readonly CraftTag[]): Buffer {
  return craftRpm({ editSignature: replaceTags(...signatures) });
}

describe('verifyHeaderDigests', () => {
  it('passes a package whose header is what was digested', () => {
    expect(() => verify(craftRpm())).not.toThrow();
  });

  it('recomputes SHA3-256 where it is recorded', () => {
    const bytes = craftRpm();
    const { start, end } = parseRpm(bytes, bytes.length).headerRange;
    const sha3 = createHash('sha3-256').update(bytes.subarray(start, end)).digest('hex');
    expect(() =>
      verify(craftRpm({ editSignature: addTags(stringTag(SignatureTag.SHA3_256, sha3)) })),
    ).not.toThrow();
  });

  it.each([
    ['SHA-256', crafted(stringTag(SignatureTag.SHA256, 'ab'.repeat(32))), 'ab'.repeat(32)],
    ['SHA-1', crafted(stringTag(SignatureTag.SHA1, 'cd'.repeat(20))), 'cd'.repeat(20)],
    ['SHA3-256', crafted(stringTag(SignatureTag.SHA3_256, 'ef'.repeat(32))), 'ef'.repeat(32)],
  ])('names the recorded and the computed %s when they differ', (_, bytes, recorded) => {
    expect(() => verify(bytes)).toThrow(expect.objectContaining({ code: 'DIGEST_MISMATCH' }));
    expect(() => verify(bytes)).toThrow(recorded);
    expect(() => verify(bytes)).toThrow(/found [0-9a-f]{40,64} /);
  });

  it('notices one changed byte anywhere in the main header that still parses', () => {
    const bytes = craftRpm({ editHeader: addTags(int32Tag(Tag.EPOCH, [1])) });
    bytes.write('evil', bytes.indexOf('build.example.com'));
    expect(() => verify(bytes)).toThrow(expect.objectContaining({ code: 'DIGEST_MISMATCH' }));
  });

  it('leaves a package without digests to its caller', () => {
    expect(() => verify(craftRpm({ editSignature: () => [int32Tag(SignatureTag.SIZE, [1])] }))).not.toThrow();
  });
});
