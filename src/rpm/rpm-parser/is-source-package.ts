import type { Header } from './header.ts';
import { Tag } from './tag.ts';
import { STRING_TYPES } from './tag-type.ts';
import { TagType } from './tag-type.ts';
import { findEntry, hasTag, readOnlyNumber } from './tag-value.ts';

const SLASH = 0x2f;

/**
 * Whether this is the main header of a source package, as createrepo_c sees it. SOURCEPACKAGE says so with one value that is
 * not 0. Packages older than this tag show themselves by having no SOURCERPM and all files in one nameless directory.
 *
 * Source: createrepo_c, src/parsehdr.c, cr_package_from_header; rpm, lib/package.cc, applyRetrofits; lib/header.cc,
 * headerIsSourceHeuristic.
 */
export function isSourcePackage(main: Header): boolean {
  if (hasTag(main, Tag.SOURCEPACKAGE)) return readOnlyNumber(main, Tag.SOURCEPACKAGE) !== 0;
  return !hasTag(main, Tag.SOURCERPM) && looksLikeSource(main);
}

function looksLikeSource(main: Header): boolean {
  const directories = main.entries.get(Tag.DIRNAMES);
  if (directories?.type === TagType.STRING_ARRAY) return directories.end - directories.start === 1;
  const oldNames = findEntry(main, Tag.OLDFILENAMES, STRING_TYPES);
  return oldNames !== undefined && main.bytes[oldNames.start] !== SLASH;
}
