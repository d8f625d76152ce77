import type { Header } from './header.ts';
import { SignatureTag, Tag } from './tag.ts';
import { TagType, typeName } from './tag-type.ts';
import { expectCount, invalidTag } from './tag-value.ts';

interface SignatureTagRule {
  readonly tag: number;
  /** The tag that rpm puts it under when it merges the two headers. */
  readonly mergedTag: number;
  readonly type: number;
  /** How many values it must have; undefined for any number. */
  readonly count?: number;
  /** Packages older than format 6 may have it in either header, but not in both. */
  readonly mayBeInMain?: true;
}

/** Source: rpm, lib/package.cc, xlateTags, with the types of include/rpm/rpmtag.h. */
const SIGNATURE_TAG_RULES: readonly SignatureTagRule[] = [
  { tag: SignatureTag.SIZE, mergedTag: Tag.SIGSIZE, type: TagType.INT32, count: 1 },
  { tag: SignatureTag.PGP, mergedTag: Tag.SIGPGP, type: TagType.BIN },
  { tag: SignatureTag.MD5, mergedTag: Tag.SIGMD5, type: TagType.BIN, count: 16 },
  { tag: SignatureTag.GPG, mergedTag: Tag.SIGGPG, type: TagType.BIN },
  {
    tag: SignatureTag.PAYLOADSIZE,
    mergedTag: Tag.ARCHIVESIZE,
    type: TagType.INT32,
    count: 1,
    mayBeInMain: true,
  },
  {
    tag: SignatureTag.FILESIGNATURES,
    mergedTag: Tag.FILESIGNATURES,
    type: TagType.STRING_ARRAY,
    mayBeInMain: true,
  },
  {
    tag: SignatureTag.FILESIGNATURELENGTH,
    mergedTag: Tag.FILESIGNATURELENGTH,
    type: TagType.INT32,
    count: 1,
    mayBeInMain: true,
  },
  { tag: SignatureTag.VERITYSIGNATURES, mergedTag: Tag.VERITYSIGNATURES, type: TagType.STRING_ARRAY },
  {
    tag: SignatureTag.VERITYSIGNATUREALGO,
    mergedTag: Tag.VERITYSIGNATUREALGO,
    type: TagType.INT32,
    count: 1,
  },
  { tag: SignatureTag.SHA1, mergedTag: Tag.SHA1HEADER, type: TagType.STRING },
  { tag: SignatureTag.SHA256, mergedTag: Tag.SHA256HEADER, type: TagType.STRING },
  { tag: SignatureTag.SHA3_256, mergedTag: Tag.SHA3_256HEADER, type: TagType.STRING },
  { tag: SignatureTag.DSA, mergedTag: Tag.DSAHEADER, type: TagType.BIN },
  { tag: SignatureTag.RSA, mergedTag: Tag.RSAHEADER, type: TagType.BIN },
  { tag: SignatureTag.LONGSIZE, mergedTag: Tag.LONGSIGSIZE, type: TagType.INT64, count: 1 },
  { tag: SignatureTag.LONGARCHIVESIZE, mergedTag: Tag.LONGARCHIVESIZE, type: TagType.INT64, count: 1 },
  { tag: SignatureTag.OPENPGP, mergedTag: Tag.OPENPGP, type: TagType.STRING_ARRAY },
];

/**
 * Checks that rpm can merge the signature header into the main one: it does so before it looks at anything else, and so
 * createrepo_c, dnf and `rpm -i` refuse a package where it cannot, although `rpm -K` does not mind.
 *
 * Source: rpm, lib/package.cc, headerMergeLegacySigs.
 *
 * @throws RpmParseError TAG_INVALID for a wrong type or count, or a tag in the wrong header
 */
export function checkSignatureTags(signature: Header, main: Header): void {
  for (const rule of SIGNATURE_TAG_RULES) {
    checkPlace(rule, signature, main);
    const entry = signature.entries.get(rule.tag);
    if (entry === undefined) continue;
    if (entry.type !== rule.type) {
      const expected = `expected ${typeName(rule.type)}`;
      throw invalidTag(signature, entry, `${expected}, found ${typeName(entry.type)}`);
    }
    if (rule.count !== undefined) expectCount(signature, entry, rule.count);
  }
}

/** The tags that rpm adds to the main header. Source: as above. */
export function mergedTags(signature: Header): readonly number[] {
  return SIGNATURE_TAG_RULES.filter(({ tag }) => signature.entries.has(tag)).map(
    ({ mergedTag }) => mergedTag,
  );
}

/** Otherwise a main header could pass off digests of its own as those of the signature header. */
function checkPlace(rule: SignatureTagRule, signature: Header, main: Header): void {
  const entry = main.entries.get(rule.mergedTag);
  if (entry === undefined) return;
  if (rule.mayBeInMain && !signature.entries.has(rule.tag)) return;
  throw invalidTag(main, entry, 'expected it in the signature header, found it in the main header');
}
