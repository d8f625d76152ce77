import { toDependency } from './dependency-list.ts';
import { type LazyList, lazyList } from './lazy-list.ts';
import type { Dependency } from './rpm-package.ts';

/** Source: rpm, include/rpm/rpmds.h, RPMSENSE_EQUAL. */
const SENSE_EQUAL = 1 << 3;

/**
 * Adds `name = [epoch:]version-release` to the provides of a package without a region: such packages
 * provide themselves without saying so. Like rpm 4.18 it does so for those that say it too.
 *
 * Source: rpm, lib/headerutil.c, providePackageNVR.
 */
export function withSelfProvide(
  provides: LazyList<Dependency>,
  self: { readonly name: string; readonly evr: string },
): LazyList<Dependency> {
  return lazyList(provides.length + 1, function* iterate() {
    yield* provides;
    yield toDependency(self.name, SENSE_EQUAL, self.evr);
  });
}
