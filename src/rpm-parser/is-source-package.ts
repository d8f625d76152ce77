import type { Header } from './header.ts';
import { Tag } from './tag.ts';
import { STRING_TYPES } from './tag-array.ts';
import { findEntry, hasTag } from './tag-value.ts';

const SLASH = 0x2f;

/**
 * Whether this is the main header of a source package. Those older than SOURCEPACKAGE show themselves by having no SOURCERPM and all files in one nameless
 * directory. Source: rpm, lib/package.cc, applyRetrofits; lib/header.cc, headerIsSourceHeuristic.
 */
export function isSourcePackage(main: Header): boolean {
  if (hasTag(main, Tag.SOURCEPACKAGE)) return true;
  if (hasTag(main, Tag.SOURCERPM)) return false;
  const directories = findEntry(main, Tag.DIRNAMES, STRING_TYPES);
  if (directories) return directories.end - directories.start === 1;
  const oldNames = findEntry(main, Tag.OLDFILENAMES, STRING_TYPES);
  return oldNames !== undefined && main.bytes[oldNames.start] !== SLASH;
}
