import { describe, expect, it } from 'vitest';
import { parseRpm } from '../../src/rpm/rpm-parser/parse-rpm.ts';
import { SignatureTag, Tag } from '../../src/rpm/rpm-parser/tag.ts';
import { checkPackageSignature } from '../../src/trust/check-package-signature.ts';
import { findDigestWarnings, findUntrustedDigests } from '../../src/trust/find-untrusted-digests.ts';
import { type CraftSpec, craftRpm, dropTags } from '../support/craft-rpm.ts';
import { repo } from '../support/repo.ts';
import { toNevra } from '../../src/rpm/nevra.ts';

const HEADER_BY_SHA1: CraftSpec = { editSignature: dropTags(SignatureTag.SHA256) };
const PAYLOAD_BY_MD5: CraftSpec = { editHeader: dropTags(Tag.PAYLOADSHA256, Tag.PAYLOADSHA256ALGO) };

const CHANNELS = new Set(['test']);

function parse(spec: CraftSpec) {
  const bytes = craftRpm(spec);
  return parseRpm(bytes, bytes.length);
}

describe('digests that hosts with rpm 6 do not compute', () => {
  it.each([
    ['header', HEADER_BY_SHA1],
    ['payload', PAYLOAD_BY_MD5],
    ['header and payload', { ...HEADER_BY_SHA1, ...PAYLOAD_BY_MD5 }],
  ])('may be all that proves the %s', (part, spec) => {
    const { digests } = parse(spec);
    const repositories = [repo('9/x86_64'), repo('43/x86_64')];
    expect(findUntrustedDigests(digests, repositories)).toEqual({ part, repositories: [repo('43/x86_64')] });
    expect(findDigestWarnings(digests, repositories)).toMatchObject([
      { code: 'PACKAGE_DIGEST_WEAK', text: expect.stringContaining(part) },
    ]);
  });

  it.each(['43/x86_64', '44/aarch64', '11/x86_64', 'test/11/x86_64', 'eln141/x86_64', 'rawhide/x86_64'])(
    'matter in %s',
    (repository) => {
      expect(findUntrustedDigests(parse(HEADER_BY_SHA1).digests, [repo(repository, CHANNELS)])).toBeDefined();
    },
  );

  it.each([
    '7/x86_64',
    '10/x86_64',
    '42/x86_64',
    '15/x86_64',
    '2023/x86_64',
    '160000/x86_64',
    'amzn2023/x86_64',
  ])('do not matter in %s', (repository) => {
    expect(findDigestWarnings(parse(HEADER_BY_SHA1).digests, [repo(repository)])).toEqual([]);
  });

  it('are no matter beside SHA-256', () => {
    expect(findUntrustedDigests(parse({}).digests, [repo('43/x86_64')])).toBeUndefined();
  });

  const check = async (spec: CraftSpec, isWeakAccepted: boolean) => {
    const rpm = {
      ...parse(spec),
      signatures: [{ tag: 'RSA', covers: 'header', packet: Buffer.of(1) }] as const,
    };
    return checkPackageSignature({ path: '', rpm, nevra: toNevra(rpm) }, [repo('43/x86_64')], () => ({
      verify: async () => ({ state: 'good' }),
      isSignatureRequired: true,
      isWeakAccepted,
    }));
  };

  it('are refused where a signature is required, however good it is', async () => {
    await expect(check(HEADER_BY_SHA1, false)).rejects.toMatchObject({
      code: 'PACKAGE_DIGEST_WEAK',
      details: { repositories: ['43/x86_64'], part: 'header' },
    });
    expect((await check({}, false)).get(repo('43/x86_64'))).toEqual({ state: 'good' });
  });

  it('are taken where the keyring takes what is weak', async () => {
    expect((await check(HEADER_BY_SHA1, true)).get(repo('43/x86_64'))).toEqual({ state: 'good' });
  });
});
