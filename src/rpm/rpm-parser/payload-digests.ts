import type { DigestAlgorithm } from './digest-algorithm.ts';
import type { Header } from './header.ts';
import type { HeaderEntry } from './header-entry.ts';
import type { PayloadDigest } from './rpm-package.ts';
import { Tag, tagName } from './tag.ts';
import { readStrings } from './tag-array.ts';
import { TagType, typeName, valueBytes } from './tag-type.ts';

interface PayloadDigestTag {
  readonly tag: number;
  readonly algorithm: DigestAlgorithm;
  readonly type: number;
}

/**
 * Those of one algorithm stand for each other; the alternative ones, over the payload as it is when unpacked, come first, as
 * in rpm. The algorithm that format 4 writes beside PAYLOADSHA256 means nothing.
 *
 * Source: rpm, lib/rpmvs.cc, rpmvfytags and rpmvfyitems; sinfoCmp (the order).
 */
const PAYLOAD_DIGEST_TAGS: readonly PayloadDigestTag[] = [
  { tag: Tag.PAYLOADSHA256ALT, algorithm: 'sha256', type: TagType.STRING_ARRAY },
  { tag: Tag.PAYLOADSHA256, algorithm: 'sha256', type: TagType.STRING_ARRAY },
  { tag: Tag.PAYLOADSHA512ALT, algorithm: 'sha512', type: TagType.STRING },
  { tag: Tag.PAYLOADSHA512, algorithm: 'sha512', type: TagType.STRING },
  { tag: Tag.PAYLOADSHA3_256ALT, algorithm: 'sha3-256', type: TagType.STRING },
  { tag: Tag.PAYLOADSHA3_256, algorithm: 'sha3-256', type: TagType.STRING },
];

/** The shortest digest that rpm takes, SHA-1's. Source: rpm, lib/rpmvs.cc, rpmsinfoInit and rpmIsValidHex. */
const MIN_HEX_LENGTH = 40;

/** Everything that the main header says of the digests of the payload, in the order in which rpm compares. */
export function readPayloadDigests(main: Header): readonly PayloadDigest[] {
  const all = PAYLOAD_DIGEST_TAGS.flatMap((known) => {
    const entry = main.entries.get(known.tag);
    return entry === undefined ? [] : readValues(main, entry, known);
  });
  return [...all.filter(({ hex }) => hex !== undefined), ...all.filter(({ hex }) => hex === undefined)];
}

function readValues(
  main: Header,
  entry: HeaderEntry,
  { algorithm, type }: PayloadDigestTag,
): readonly PayloadDigest[] {
  // Such an entry is none to rpm, which looks at bytes and strings only. Source: rpm, lib/header.cc, hdrblobGet.
  if (valueBytes(entry.type) > 1) return [];
  const tag = tagName('main', entry.tag);
  if (entry.type !== type) {
    const problem = `is of the type ${typeName(entry.type)}, expected is ${typeName(type)}`;
    return [{ tag, algorithm, hex: undefined, problem }];
  }
  const values = [...readStrings(main, entry)].toReversed();
  return values.map((value) =>
    isHex(value)
      ? { tag, algorithm, hex: value.toLowerCase() }
      : { tag, algorithm, hex: undefined, problem: 'is no digest in hex' },
  );
}

function isHex(value: string): boolean {
  return value.length >= MIN_HEX_LENGTH && value.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(value);
}

/**
 * The first digest of the payload that rpm finds BAD: one that is not the payload's, unless another one of its algorithm is.
 *
 * Source: rpm, lib/rpmvs.cc, rpmvsVerify and getAlt.
 *
 * @param found by algorithm, the digest of the payload in lower-case hex
 */
export function findWrongPayloadDigest(
  digests: readonly PayloadDigest[],
  found: ReadonlyMap<DigestAlgorithm, string>,
): PayloadDigest | undefined {
  const isRight = ({ algorithm, hex }: PayloadDigest): boolean =>
    hex !== undefined && hex === found.get(algorithm);
  return digests.find((digest) => {
    if (isRight(digest)) return false;
    const alternative = findAlternative(digests, digest);
    return alternative === undefined || !isRight(alternative);
  });
}

/** rpm does not tell malformed ones apart. Source: rpm, lib/rpmvs.cc, getAlt (the id, which such a one does not get). */
function findAlternative(
  digests: readonly PayloadDigest[],
  digest: PayloadDigest,
): PayloadDigest | undefined {
  return digests.find(
    (other) =>
      other !== digest &&
      other.algorithm === digest.algorithm &&
      !(other.hex === undefined && digest.hex === undefined),
  );
}
