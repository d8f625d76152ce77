import { parseEvr } from './compare-evr.ts';
import type { Header } from './header.ts';
import type { HeaderEntry } from './header-entry.ts';
import { EMPTY_LIST, type LazyList, lazyList } from './lazy-list.ts';
import type { Dependency, DependencyKind } from './rpm-package.ts';
import { Tag } from './tag.ts';
import { readNumbers, readStrings, requireParallel, STRING_TYPES } from './tag-array.ts';
import { TagType } from './tag-type.ts';
import { findEntry, hasTag } from './tag-value.ts';

/** The three parallel arrays of one kind of dependency. */
interface DependencyTags {
  readonly name: number;
  readonly version: number;
  readonly flags: number;
}

/** Source: rpm, include/rpm/rpmtag.h; the same ten kinds as in createrepo_c, src/parsehdr.c, dep_items. */
export const DEPENDENCY_TAGS: Readonly<Record<DependencyKind, DependencyTags>> = {
  provides: { name: Tag.PROVIDENAME, version: Tag.PROVIDEVERSION, flags: Tag.PROVIDEFLAGS },
  requires: { name: Tag.REQUIRENAME, version: Tag.REQUIREVERSION, flags: Tag.REQUIREFLAGS },
  conflicts: { name: Tag.CONFLICTNAME, version: Tag.CONFLICTVERSION, flags: Tag.CONFLICTFLAGS },
  obsoletes: { name: Tag.OBSOLETENAME, version: Tag.OBSOLETEVERSION, flags: Tag.OBSOLETEFLAGS },
  recommends: { name: Tag.RECOMMENDNAME, version: Tag.RECOMMENDVERSION, flags: Tag.RECOMMENDFLAGS },
  suggests: { name: Tag.SUGGESTNAME, version: Tag.SUGGESTVERSION, flags: Tag.SUGGESTFLAGS },
  supplements: { name: Tag.SUPPLEMENTNAME, version: Tag.SUPPLEMENTVERSION, flags: Tag.SUPPLEMENTFLAGS },
  enhances: { name: Tag.ENHANCENAME, version: Tag.ENHANCEVERSION, flags: Tag.ENHANCEFLAGS },
  oldSuggests: { name: Tag.OLDSUGGESTSNAME, version: Tag.OLDSUGGESTSVERSION, flags: Tag.OLDSUGGESTSFLAGS },
  oldEnhances: { name: Tag.OLDENHANCESNAME, version: Tag.OLDENHANCESVERSION, flags: Tag.OLDENHANCESFLAGS },
};

/** RPMSENSE_PREREQ, _SCRIPT_PRE and _SCRIPT_POST. Source: rpm, rpmds.h; createrepo_c, src/parsehdr.c (pre). */
const PRE_FLAGS = (1 << 6) | (1 << 9) | (1 << 10);

/**
 * The dependencies of one kind.
 *
 * @throws RpmParseError TAG_MISSING, TAG_INVALID, COUNT_MISMATCH when its three arrays do not belong together
 */
export function readDependencies(header: Header, kind: DependencyKind): LazyList<Dependency> {
  const tags = DEPENDENCY_TAGS[kind];
  const names = findEntry(header, tags.name, STRING_TYPES);
  if (names === undefined) return EMPTY_LIST;
  // Before rpm 3.0.3 provides had no versions. Source: rpm, lib/headerutil.c, providePackageNVR.
  const isUnversioned = !header.hasRegion && !hasTag(header, tags.version) && !hasTag(header, tags.flags);
  if (isUnversioned) return lazyList(names.count, () => iterateUnversioned(header, names));
  const versions = requireParallel(header, names, tags.version, STRING_TYPES);
  const flags = requireParallel(header, names, tags.flags, [TagType.INT32]);
  return lazyList(names.count, () => iterateVersioned(header, { names, versions, flags }));
}

/** A dependency as its three values in the header describe it. */
export function toDependency(name: string, flags: number, evr: string): Dependency {
  return { name, flags, evr, ...parseEvr(evr), isPre: (flags & PRE_FLAGS) !== 0 };
}

function* iterateUnversioned(header: Header, names: HeaderEntry): Generator<Dependency, undefined> {
  for (const name of readStrings(header, names)) yield toDependency(name, 0, '');
}

interface DependencyEntries {
  readonly names: HeaderEntry;
  readonly versions: HeaderEntry;
  readonly flags: HeaderEntry;
}

function* iterateVersioned(header: Header, entries: DependencyEntries): Generator<Dependency, undefined> {
  const flags = readNumbers(header, entries.flags);
  const versions = readStrings(header, entries.versions);
  let index = 0;
  for (const name of readStrings(header, entries.names)) {
    yield toDependency(name, flags.at(index), versions.next().value ?? '');
    index++;
  }
}
