import type { DescribedDependency } from './described-package.ts';
import { compareLibc, LIBC_PREFIX, type LibcVersion, libcVersion } from './libc-version.ts';
import { comparisonName, hasBadEpoch } from './split-evr.ts';

/** RPMSENSE_MISSINGOK. Source: rpm, include/rpm/rpmds.h; createrepo_c, src/parsehdr.c. */
const MISSING_OK = 1 << 19;

/** Dependencies of rpm itself, which no package provides. Source: createrepo_c, src/parsehdr.c, cr_package_from_header. */
const RPMLIB_PREFIX = 'rpmlib(';

export interface SelectedRequires {
  readonly requires: readonly DescribedDependency[];
  /** Those that may be missing, which is to say recommends. */
  readonly missingOk: readonly DescribedDependency[];
}

/**
 * Which requires primary names. Left out are those of rpm on itself, those that the package fulfils itself, repetitions of
 * the one before of the same name, and all on the C library but the one with the newest version, which comes last.
 * Source: createrepo_c, src/parsehdr.c, cr_package_from_header.
 * @param primaryPaths those of the package's own files that primary names
 */
export function selectRequires(
  list: Iterable<DescribedDependency>,
  provides: readonly DescribedDependency[],
  primaryPaths: ReadonlySet<string>,
): SelectedRequires {
  const provided = new Set(provides.map(identify));
  const lastOfName = new Map<string, DescribedDependency>();
  const requires: DescribedDependency[] = [];
  const missingOk: DescribedDependency[] = [];
  const libc = new NewestLibc();
  for (const dependency of list) {
    const { name, flags, evr } = dependency;
    if (name.startsWith(RPMLIB_PREFIX) || isOwnFile(name, primaryPaths)) continue;
    if (provided.has(identify(dependency)) || isRepeated(dependency, lastOfName.get(name))) continue;
    if (hasBadEpoch(evr)) continue;
    if ((flags & MISSING_OK) !== 0) {
      missingOk.push(dependency);
    } else if (name.startsWith(LIBC_PREFIX)) {
      libc.offer(dependency);
    } else {
      requires.push(dependency);
      lastOfName.set(name, dependency);
    }
  }
  if (libc.newest !== undefined) requires.push(libc.newest);
  return { requires, missingOk };
}

/** The paths of a source package have no slash in front: it installs none of its files. */
function isOwnFile(name: string, primaryPaths: ReadonlySet<string>): boolean {
  return name.startsWith('/') && primaryPaths.has(name);
}

/** Tags hold no NUL, so different dependencies never become the same text. */
function identify({ name, flags, evr }: DescribedDependency): string {
  return `${name}\0${comparisonName(flags)}\0${evr}`;
}

function isRepeated(dependency: DescribedDependency, last: DescribedDependency | undefined): boolean {
  return (
    last !== undefined &&
    last.evr === dependency.evr &&
    last.isPre === dependency.isPre &&
    comparisonName(last.flags) === comparisonName(dependency.flags)
  );
}

class NewestLibc {
  newest: DescribedDependency | undefined;
  #version: LibcVersion | undefined;

  /** Of two with the same version the first stays. */
  offer(dependency: DescribedDependency): void {
    const version = libcVersion(dependency.name);
    if (this.#version !== undefined && compareLibc(version, this.#version) <= 0) return;
    this.newest = dependency;
    this.#version = version;
  }
}
