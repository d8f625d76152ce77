import type { Header } from './header.ts';
import type { HeaderEntry } from './header-entry.ts';
import { EMPTY_LIST, type LazyList, lazyList } from './lazy-list.ts';
import type { Changelog } from './rpm-package.ts';
import { Tag } from './tag.ts';
import { NUMBER_TYPES, readNumbers, readStrings, valueCount } from './tag-array.ts';
import { STRING_TYPES } from './tag-type.ts';
import { findEntry } from './tag-value.ts';

/**
 * The changelog, in the order of the header: newest first. Of arrays that differ in length the shortest counts, and without
 * one of the three there is none.
 *
 * Source: createrepo_c, src/parsehdr.c, cr_package_from_header.
 *
 * @throws RpmParseError TAG_INVALID for a wrong type or a tag that occurs twice
 */
export function readChangelogs(header: Header): LazyList<Changelog> {
  const times = findEntry(header, Tag.CHANGELOGTIME, NUMBER_TYPES);
  const authors = findEntry(header, Tag.CHANGELOGNAME, STRING_TYPES);
  const texts = findEntry(header, Tag.CHANGELOGTEXT, STRING_TYPES);
  if (times === undefined || authors === undefined || texts === undefined) return EMPTY_LIST;
  const length = Math.min(times.count, valueCount(authors), valueCount(texts));
  return lazyList(length, () => iterateChangelogs(header, { times, authors, texts }, length));
}

interface ChangelogEntries {
  readonly times: HeaderEntry;
  readonly authors: HeaderEntry;
  readonly texts: HeaderEntry;
}

function* iterateChangelogs(
  header: Header,
  entries: ChangelogEntries,
  length: number,
): Generator<Changelog, undefined> {
  const times = readNumbers(header, entries.times);
  const texts = readStrings(header, entries.texts);
  let index = 0;
  for (const author of readStrings(header, entries.authors)) {
    if (index === length) return;
    yield { author, timeSeconds: times.at(index), text: texts.next().value ?? '' };
    index++;
  }
}
