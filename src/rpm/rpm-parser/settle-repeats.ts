import type { Header } from './header.ts';
import type { HeaderEntry } from './header-entry.ts';
import { mergedTags } from './check-signature-tags.ts';
import { isSourcePackage } from './is-source-package.ts';
import { Tag } from './tag.ts';

/** Source: rpm, include/rpm/rpmtag.h: the region that a header without one gets when it is read. */
const HEADERIMAGE = 61;

/**
 * Of a tag that is there more than once, with values that differ, rpm finds the one that its binary search over the tags meets
 * first. That is chance, but the same for createrepo_c and all hosts with one version of rpm. It matters for text alone: what
 * packages are told apart by is refused when it is there twice.
 *
 * Source: rpm, lib/header.cc, findEntry, headerSort; lib/package.cc, headerMergeLegacySigs and applyRetrofits.
 *
 * @returns the main header, with the entries that rpm finds
 */
export function settleRepeats(main: Header, signature: Header): Header {
  if (main.ambiguousTags.size === 0) return main;
  const sorted = sortedTags(main, signature);
  const entries = new Map(main.entries);
  for (const [tag, repeats] of main.repeats) {
    const found = repeats[findPosition(sorted, tag) - sorted.indexOf(tag)];
    if (found !== undefined) entries.set(tag, found);
  }
  return { ...main, entries };
}

/** All tags in the header that rpm makes of the two, with repetitions. */
function sortedTags(main: Header, signature: Header): readonly number[] {
  const own = [...main.entries.keys()].flatMap((tag): readonly number[] => {
    const repeats: readonly HeaderEntry[] | undefined = main.repeats.get(tag);
    return repeats === undefined ? [tag] : repeats.map(() => tag);
  });
  const region = main.hasRegion ? Tag.HEADERIMMUTABLE : HEADERIMAGE;
  return [region, ...own, ...mergedTags(signature), ...retrofits(main)].toSorted((a, b) => a - b);
}

/** What rpm adds to packages older than these tags. */
function retrofits(main: Header): readonly number[] {
  const lacks = (tag: number): boolean => !main.entries.has(tag);
  const source = lacks(Tag.SOURCERPM) && lacks(Tag.SOURCEPACKAGE) ? [Tag.SOURCERPM] : [];
  if (main.hasRegion || isSourcePackage(main)) return source;
  return [...source, ...[Tag.PROVIDENAME, Tag.PROVIDEVERSION, Tag.PROVIDEFLAGS].filter(lacks)];
}

/** Source: glibc, bits/stdlib-bsearch.h. */
function findPosition(sorted: readonly number[], tag: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const found = sorted[middle] ?? tag;
    if (found === tag) return middle;
    if (tag < found) high = middle;
    else low = middle + 1;
  }
  return low;
}
