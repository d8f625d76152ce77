import type { RpmPackage } from './rpm-package.ts';

/** `[epoch:]version-release`; an epoch of 0 is left out, as rpm does not tell it from none. */
export function formatEvr(evr: Pick<RpmPackage, 'epoch' | 'version' | 'release'>): string {
  const epoch = evr.epoch ? `${evr.epoch}:` : '';
  return `${epoch}${evr.version}-${evr.release}`;
}

/**
 * `name-[epoch:]version-release.arch`, for people and messages. Not a file name: that has no epoch, and a
 * source package's ends in `src`.
 */
export function formatNevra(
  rpm: Pick<RpmPackage, 'name' | 'epoch' | 'version' | 'release' | 'arch'>,
): string {
  return `${rpm.name}-${formatEvr(rpm)}.${rpm.arch}`;
}

/**
 * The architecture a package goes by: a source package's ARCH tag is that of the machine that built it, its file name
 * says `src`, or `nosrc` when its sources or patches are not in it.
 * Source: rpm, build/pack.c, where SOURCERPM gets its name.
 */
export function packageArch(rpm: Pick<RpmPackage, 'arch' | 'isSource' | 'isNoSource'>): string {
  if (!rpm.isSource) return rpm.arch;
  return rpm.isNoSource ? 'nosrc' : 'src';
}
