import { parseEvr } from './evr.ts';
import type { Header } from './header.ts';
import type { HeaderEntry } from './header-entry.ts';
import { EMPTY_LIST, type LazyList, lazyList } from './lazy-list.ts';
import type { Dependency, DependencyKind } from './rpm-package.ts';
import { Tag } from './tag.ts';
import { NUMBER_TYPES, readNumbers, readStrings, valueCount } from './tag-array.ts';
import { STRING_TYPES, TagType } from './tag-type.ts';
import { findEntry } from './tag-value.ts';

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

/** Source: rpm, include/rpm/rpmds.h, RPMSENSE_EQUAL. */
const SENSE_EQUAL = 1 << 3;

const PLAIN_STRING_TYPES: readonly number[] = [TagType.STRING_ARRAY, TagType.STRING];

/** What a package provides without saying so. */
export interface SelfProvide {
  readonly name: string;
  readonly evr: string;
}

/**
 * The dependencies of one kind. Of arrays that differ in length the shortest counts, and without one of the three there are
 * none.
 *
 * Source: createrepo_c, src/parsehdr.c, cr_package_from_header.
 *
 * @param self given for the provides of a package without a region, which provides itself without saying so
 * @throws RpmParseError TAG_INVALID for a wrong type or a tag that occurs twice
 */
export function readDependencies(
  header: Header,
  kind: DependencyKind,
  self?: SelfProvide,
): LazyList<Dependency> {
  const tags = DEPENDENCY_TAGS[kind];
  const entries: DependencyEntries = {
    // Without a region rpm adds a name to those that are there, and crashes on a translated one.
    names: findEntry(header, tags.name, self === undefined ? STRING_TYPES : PLAIN_STRING_TYPES),
    flags: findEntry(header, tags.flags, NUMBER_TYPES),
    versions: findEntry(header, tags.version, STRING_TYPES),
  };
  const columns = readColumns(header, entries);
  const { names, flags, versions } = self === undefined ? columns : withSelf(columns, entries, self);
  const length = Math.min(names.length, flags.length, versions.length);
  if (length === 0) return EMPTY_LIST;
  return lazyList(length, () => iterateDependencies({ names, flags, versions }, length));
}

/** A dependency as its three values in the header describe it. */
export function toDependency(name: string, flags: number, evr: string): Dependency {
  return { name, flags, evr, ...parseEvr(evr), isPre: (flags & PRE_FLAGS) !== 0 };
}

interface DependencyEntries {
  readonly names: HeaderEntry | undefined;
  readonly flags: HeaderEntry | undefined;
  readonly versions: HeaderEntry | undefined;
}

interface DependencyColumns {
  readonly names: LazyList<string>;
  readonly flags: LazyList<number>;
  readonly versions: LazyList<string>;
}

function readColumns(header: Header, { names, flags, versions }: DependencyEntries): DependencyColumns {
  return {
    names: stringColumn(header, names),
    flags: flags === undefined ? EMPTY_LIST : lazyList(flags.count, () => eachNumber(header, flags)),
    versions: stringColumn(header, versions),
  };
}

function stringColumn(header: Header, entry: HeaderEntry | undefined): LazyList<string> {
  return entry === undefined ? EMPTY_LIST : lazyList(valueCount(entry), () => readStrings(header, entry));
}

function* eachNumber(header: Header, entry: HeaderEntry): Generator<number, undefined> {
  const numbers = readNumbers(header, entry);
  for (let index = 0; index < numbers.length; index++) yield numbers.at(index);
}

/**
 * Adds `name = [epoch:]version-release`. Like rpm 4.18 it does so for those that say it too. Before rpm 3.0.3 provides had no
 * versions.
 *
 * Source: rpm, lib/headerutil.c, providePackageNVR.
 */
function withSelf(
  { names, flags, versions }: DependencyColumns,
  entries: DependencyEntries,
  self: SelfProvide,
): DependencyColumns {
  const isUnversioned = entries.names !== undefined && entries.versions === undefined;
  const anyFlags = isUnversioned ? Array.from(names, () => 0) : [];
  const anyVersions = isUnversioned ? Array.from(names, () => '') : [];
  return {
    names: concatenate(names, [self.name]),
    flags: concatenate(flags, [...anyFlags, SENSE_EQUAL]),
    versions: concatenate(versions, [...anyVersions, self.evr]),
  };
}

function concatenate<Item>(list: LazyList<Item>, added: readonly Item[]): LazyList<Item> {
  return lazyList(list.length + added.length, function* iterate() {
    yield* list;
    yield* added;
  });
}

function* iterateDependencies(
  { names, flags, versions }: DependencyColumns,
  length: number,
): Generator<Dependency, undefined> {
  const eachFlags = flags[Symbol.iterator]();
  const eachVersion = versions[Symbol.iterator]();
  let index = 0;
  for (const name of names) {
    if (index++ === length) return;
    yield toDependency(name, eachFlags.next().value ?? 0, eachVersion.next().value ?? '');
  }
}
