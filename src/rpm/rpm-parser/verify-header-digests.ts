import { createHash } from 'node:crypto';
import type { DigestAlgorithm } from './digest-algorithm.ts';
import { RpmParseError } from './rpm-parse-error.ts';
import type { RpmPackage } from './rpm-package.ts';

/**
 * Recomputes every header digest that the package records, over the main header with its magic.
 * A package that records none passes: whether that is acceptable is the caller's decision.
 *
 * Source: rpm, lib/header.cc, hdrblobDigestUpdate.
 *
 * @param bytes the file from its first byte up to at least the payload
 * @param rpm what `parseRpm` made of the same bytes
 * @throws RpmParseError DIGEST_MISMATCH
 */
export function verifyHeaderDigests(
  bytes: Uint8Array,
  rpm: Pick<RpmPackage, 'digests' | 'headerRange'>,
): void {
  const { start, end } = rpm.headerRange;
  const header = bytes.subarray(start, end);
  const { headerSha256, headerSha1, headerSha3_256 } = rpm.digests;
  for (const [algorithm, recorded] of [
    ['sha256', headerSha256],
    ['sha1', headerSha1],
    ['sha3-256', headerSha3_256],
  ] as const satisfies readonly (readonly [DigestAlgorithm, string | undefined])[]) {
    if (recorded === undefined) continue;
    const computed = createHash(algorithm).update(header).digest('hex');
    if (computed === recorded) continue;
    const expected = `expected the ${algorithm} ${recorded} of the main header`;
    throw new RpmParseError('DIGEST_MISMATCH', `${expected}, found ${computed}`, start);
  }
}
