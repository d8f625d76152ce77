import type { Header } from './header.ts';
import type { HeaderEntry } from './header-entry.ts';
import { EMPTY_LIST, type LazyList, lazyList } from './lazy-list.ts';
import type { Changelog } from './rpm-package.ts';
import { Tag } from './tag.ts';
import { readNumbers, readStrings, requireParallel, STRING_TYPES } from './tag-array.ts';
import { TagType } from './tag-type.ts';
import { findEntry } from './tag-value.ts';

/**
 * The changelog, in the order of the header: newest first.
 *
 * @throws RpmParseError TAG_MISSING, TAG_INVALID, COUNT_MISMATCH when its three arrays do not belong together
 */
export function readChangelogs(header: Header): LazyList<Changelog> {
  const times = findEntry(header, Tag.CHANGELOGTIME, [TagType.INT32]);
  if (times === undefined) return EMPTY_LIST;
  const authors = requireParallel(header, times, Tag.CHANGELOGNAME, STRING_TYPES);
  const texts = requireParallel(header, times, Tag.CHANGELOGTEXT, STRING_TYPES);
  return lazyList(times.count, () => iterateChangelogs(header, { times, authors, texts }));
}

interface ChangelogEntries {
  readonly times: HeaderEntry;
  readonly authors: HeaderEntry;
  readonly texts: HeaderEntry;
}

function* iterateChangelogs(header: Header, entries: ChangelogEntries): Generator<Changelog, undefined> {
  const times = readNumbers(header, entries.times);
  const texts = readStrings(header, entries.texts);
  let index = 0;
  for (const author of readStrings(header, entries.authors)) {
    yield { author, timeSeconds: times.at(index), text: texts.next().value ?? '' };
    index++;
  }
}
