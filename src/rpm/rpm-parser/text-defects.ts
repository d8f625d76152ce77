import { DEPENDENCY_TAGS } from './dependency-list.ts';
import type { Header } from './header.ts';
import type { HeaderEntry } from './header-entry.ts';
import type { TextDefect } from './rpm-package.ts';
import { Tag, tagName } from './tag.ts';
import { valueCount } from './tag-array.ts';
import { STRING_TYPES } from './tag-type.ts';
import {
  isTooLongForAttribute,
  isTooLongForText,
  MAX_ATTRIBUTE_BYTES,
  MAX_NAME_BYTES,
  MAX_SHORT_ATTRIBUTE_BYTES,
} from './text-length.ts';
import { inspectText, isPlainByte, type TextFacts } from './text.ts';

/**
 * Texts that the file name of the package and its URL consist of; a newline in them would start another line of a list.
 */
const NEVRA_TAGS: readonly number[] = [Tag.NAME, Tag.VERSION, Tag.RELEASE, Tag.ARCH];

/** As `&quot;`. */
const MAX_GROWTH_OF_ASCII = 6;

const PATH_TAGS: readonly number[] = [Tag.DIRNAMES, Tag.BASENAMES, Tag.OLDFILENAMES];

const DEPENDENCY_NAME_TAGS = Object.values(DEPENDENCY_TAGS).map(({ name }) => name);
const DEPENDENCY_VERSION_TAGS = Object.values(DEPENDENCY_TAGS).map(({ version }) => version);

/** Text for people; no program looks anything up by it. */
const FREE_TEXT_TAGS: readonly number[] = [
  Tag.SUMMARY,
  Tag.DESCRIPTION,
  Tag.GROUP,
  Tag.LICENSE,
  Tag.VENDOR,
  Tag.PACKAGER,
  Tag.URL,
  Tag.BUILDHOST,
  Tag.CHANGELOGNAME,
  Tag.CHANGELOGTEXT,
];

const FREE_TEXT_NAMES = nameTags(FREE_TEXT_TAGS);
const NEVRA_NAMES = nameTags(NEVRA_TAGS);

/** Every tag whose strings repodata carries. */
const REPODATA_TAGS: readonly number[] = [
  ...NEVRA_TAGS,
  ...PATH_TAGS,
  ...DEPENDENCY_NAME_TAGS,
  ...DEPENDENCY_VERSION_TAGS,
  ...FREE_TEXT_TAGS,
  Tag.SOURCERPM,
];

/**
 * What becomes of a text that repodata cannot carry as it is. `harmless`: text that is no UTF-8 is read as Latin-1, as
 * createrepo_c does; hosts install such packages. `replaced`: U+FFFD stands in its place, since no program looks
 * anything up by it. `fatal`: hosts compare it, or no reader can take it.
 */
export function rateDefect({ tag, defect }: TextDefect): 'harmless' | 'replaced' | 'fatal' {
  if (defect === 'too-long') return 'fatal';
  if (defect === 'latin-1') return NEVRA_NAMES.has(tag) ? 'fatal' : 'harmless';
  return FREE_TEXT_NAMES.has(tag) ? 'replaced' : 'fatal';
}

/** The first of each defect in each tag that repodata carries; one pass over the bytes, nothing is decoded. */
export function findTextDefects(main: Header): readonly TextDefect[] {
  return REPODATA_TAGS.flatMap((tag) => {
    const entry = main.entries.get(tag);
    if (entry === undefined || !STRING_TYPES.includes(entry.type) || isHarmless(main.bytes, entry)) return [];
    return findEntryDefects(main, entry);
  });
}

/** Short and plain ASCII throughout, as nearly all are. */
function isHarmless(bytes: Buffer, entry: HeaderEntry): boolean {
  const isVersion = DEPENDENCY_VERSION_TAGS.includes(entry.tag);
  const shortBytes = isVersion ? MAX_SHORT_ATTRIBUTE_BYTES / MAX_GROWTH_OF_ASCII : MAX_NAME_BYTES;
  if (entry.end - entry.start > shortBytes) return false;
  for (let position = entry.start; position < entry.end; position++) {
    const byte = bytes[position] ?? 0;
    if (!isPlainByte(byte) && byte !== 0) return false;
  }
  return true;
}

function findEntryDefects(main: Header, entry: HeaderEntry): readonly TextDefect[] {
  const tag = tagName(main.kind, entry.tag);
  const isNevra = NEVRA_TAGS.includes(entry.tag);
  const isTooLong = chooseLengthRule(entry.tag);
  // Repodata carries the C locale only, the first of a translated text.
  const count = valueCount(entry);
  const firstIndexes = new Map<TextDefect['defect'], number>();
  let start = entry.start;
  for (let index = 0; index < count; index++) {
    const end = main.bytes.indexOf(0, start);
    const defects = defectsIn(inspectText(main.bytes, start, end), isNevra);
    if (isTooLong(main.bytes, start, end)) defects.push('too-long');
    for (const defect of defects) {
      if (!firstIndexes.has(defect)) firstIndexes.set(defect, index);
    }
    start = end + 1;
  }
  return [...firstIndexes].map(([defect, index]) => ({ tag, index, defect }));
}

function defectsIn(facts: TextFacts, isNevra: boolean): TextDefect['defect'][] {
  const defects: TextDefect['defect'][] = [];
  if (facts.encoding === 'latin-1' || facts.encoding === 'ill-formed') defects.push(facts.encoding);
  if (facts.hasControl || (isNevra && facts.hasLineControl)) defects.push('control');
  if (facts.hasNoncharacter) defects.push('noncharacter');
  return defects;
}

type LengthRule = (bytes: Buffer, start: number, end: number) => boolean;

function chooseLengthRule(tag: number): LengthRule {
  if (NEVRA_TAGS.includes(tag) || PATH_TAGS.includes(tag)) {
    return (_bytes, start, end) => end - start > MAX_NAME_BYTES;
  }
  if (DEPENDENCY_VERSION_TAGS.includes(tag)) {
    return (bytes, start, end) => isTooLongForAttribute(bytes, start, end, MAX_SHORT_ATTRIBUTE_BYTES);
  }
  if (DEPENDENCY_NAME_TAGS.includes(tag) || tag === Tag.CHANGELOGNAME) {
    return (bytes, start, end) => isTooLongForAttribute(bytes, start, end, MAX_ATTRIBUTE_BYTES);
  }
  return isTooLongForText;
}

function nameTags(tags: readonly number[]): ReadonlySet<string> {
  return new Set(tags.map((tag) => tagName('main', tag)));
}
