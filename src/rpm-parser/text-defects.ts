import { DEPENDENCY_TAGS } from './dependency-list.ts';
import type { Header } from './header.ts';
import type { HeaderEntry } from './header-entry.ts';
import type { TextDefect } from './rpm-package.ts';
import { Tag, tagName } from './tag.ts';
import { TagType } from './tag-type.ts';
import { inspectText, isPlainByte, type TextFacts } from './text.ts';

/** Strings that become file names or lines of a list, where a newline would start another one. */
const LINE_TAGS: ReadonlySet<number> = new Set([
  Tag.NAME,
  Tag.VERSION,
  Tag.RELEASE,
  Tag.ARCH,
  Tag.DIRNAMES,
  Tag.BASENAMES,
  Tag.OLDFILENAMES,
]);

/**
 * libxml2 refuses an attribute or text above 10,000,000 bytes, and with it the whole file (XML_MAX_TEXT_LENGTH in its
 * parserInternals.h); escaped, a byte may take six.
 */
const MAX_STRING_BYTES = 1024 * 1024;

/** Text for people, by which nothing is looked up. */
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

const FREE_TEXT_NAMES: ReadonlySet<string> = new Set(FREE_TEXT_TAGS.map((tag) => tagName('main', tag)));

/** Every tag whose strings repodata carries. */
const REPODATA_TAGS: readonly number[] = [
  ...LINE_TAGS,
  ...Object.values(DEPENDENCY_TAGS).flatMap(({ name, version }) => [name, version]),
  ...FREE_TEXT_TAGS,
  Tag.SOURCERPM,
];

const STRING_TYPES: ReadonlySet<number> = new Set([TagType.STRING, TagType.STRING_ARRAY, TagType.I18NSTRING]);

/** Whether a tag, by rpm's name of it, holds text for people. */
export function isFreeText(tag: string): boolean {
  return FREE_TEXT_NAMES.has(tag);
}

/** The first of each defect in each tag that repodata carries; one pass over the bytes, nothing is decoded. */
export function findTextDefects(main: Header): readonly TextDefect[] {
  return REPODATA_TAGS.flatMap((tag) => {
    const entry = main.entries.get(tag);
    if (entry === undefined || !STRING_TYPES.has(entry.type) || isHarmless(main.bytes, entry)) return [];
    return findDefectsOf(main, entry);
  });
}

/** Short and plain ASCII throughout, as nearly all are. */
function isHarmless(bytes: Buffer, entry: HeaderEntry): boolean {
  if (entry.end - entry.start > MAX_STRING_BYTES) return false;
  for (let position = entry.start; position < entry.end; position++) {
    const byte = bytes[position] ?? 0;
    if (!isPlainByte(byte) && byte !== 0) return false;
  }
  return true;
}

function findDefectsOf(main: Header, entry: HeaderEntry): readonly TextDefect[] {
  const tag = tagName(main.kind, entry.tag);
  const isLine = LINE_TAGS.has(entry.tag);
  // Repodata carries the C locale only, the first of a translated text.
  const count = entry.type === TagType.I18NSTRING ? 1 : entry.count;
  const firstIndexes = new Map<TextDefect['defect'], number>();
  let start = entry.start;
  for (let index = 0; index < count; index++) {
    const end = main.bytes.indexOf(0, start);
    const facts = inspectText(main.bytes, start, end);
    const isTooLong = end - start > MAX_STRING_BYTES;
    for (const defect of [...defectsIn(facts, isLine), ...(isTooLong ? (['too-long'] as const) : [])]) {
      if (!firstIndexes.has(defect)) firstIndexes.set(defect, index);
    }
    start = end + 1;
  }
  return [...firstIndexes].map(([defect, index]) => ({ tag, index, defect }));
}

function defectsIn(facts: TextFacts, isLine: boolean): readonly TextDefect['defect'][] {
  const defects: TextDefect['defect'][] = [];
  if (facts.encoding === 'latin-1' || facts.encoding === 'ill-formed') defects.push(facts.encoding);
  if (facts.hasControl || (isLine && facts.hasLineControl)) defects.push('control');
  if (facts.hasNoncharacter) defects.push('noncharacter');
  return defects;
}
