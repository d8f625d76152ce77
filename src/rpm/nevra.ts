import { compareEvr, type Evr } from './rpm-parser/evr.ts';
import type { RpmPackage } from './rpm-parser/rpm-package.ts';

/** What a package goes by. Two packages of one NEVRA cannot be installed together. */
export interface Nevra extends Evr {
  readonly name: string;
  readonly release: string;
  /** `src` or `nosrc` for a source package. */
  readonly arch: string;
}

/** The facts of a header that a NEVRA is made of. */
export type NevraTags = Pick<
  RpmPackage,
  'name' | 'version' | 'release' | 'arch' | 'isSource' | 'isNoSource'
> &
  Partial<Pick<RpmPackage, 'epoch'>>;

// yum put the epoch before the name, dnf puts it before the version; both are typed.
const EPOCH_FIRST = /^(?<epoch>\d+):(?<rest>.+)$/;
// The last dashes and the last dot part it: a name may have both, version and release have no dash, an arch has no dot.
const NEVRA = /^(?<name>.+)-(?:(?<epoch>\d+):)?(?<version>[^-]+)-(?<release>[^-]+)\.(?<arch>[^-.]+)$/;

/** The NEVRA of a header. */
export function toNevra(tags: NevraTags): Nevra {
  const { name, epoch, version, release } = tags;
  return { name, epoch, version, release, arch: findArch(tags) };
}

/**
 * Undefined for a text that is no `name-[epoch:]version-release.arch`; the epoch may stand in front as well.
 *
 * Source: libdnf, libdnf/hy-subject.cpp, HY_FORM_NEVRA; yum, rpmUtils/miscutils.py, splitFilename.
 */
export function parseNevra(text: string): Nevra | undefined {
  const first = EPOCH_FIRST.exec(text)?.groups;
  const parts = NEVRA.exec(first?.['rest'] ?? text)?.groups;
  if (parts === undefined) return undefined;
  const { name = '', version = '', release = '', arch = '' } = parts;
  const epoch = parts['epoch'] ?? first?.['epoch'];
  return { name, epoch: epoch === undefined ? undefined : Number(epoch), version, release, arch };
}

/** `name-[epoch:]version-release.arch` for people; an epoch of 0 is left out, as rpm does not tell it from none. */
export function formatNevra(nevra: Nevra): string {
  const { name, epoch, version, release, arch } = nevra;
  return epoch ? `${name}-${epoch}:${version}-${release}.${arch}` : formatNvra(nevra);
}

/** `name-version-release.arch`, as files are called: two packages that differ in their epoch alone have the same. */
export function formatNvra({ name, version, release, arch }: Nevra): string {
  return `${name}-${version}-${release}.${arch}`;
}

/** `name-epoch:version-release.arch`, the key of maps and sets: the same for those that rpm does not tell apart. */
export function toNevraKey({ name, epoch = 0, version, release, arch }: Nevra): string {
  return `${name}-${epoch}:${version}-${release}.${arch}`;
}

/** In order of name, then of age (the oldest first), then of arch. 0 for those that rpm does not tell apart. */
export function compareNevra(a: Nevra, b: Nevra): number {
  return compareTexts(a.name, b.name) || compareEvr(a, b) || compareTexts(a.arch, b.arch);
}

/**
 * A source package's ARCH tag is that of the machine that built it, its file name says `src`, or `nosrc` when its sources or
 * patches are not in it.
 *
 * Source: rpm, build/pack.c, where SOURCERPM gets its name.
 */
function findArch({ arch, isSource, isNoSource }: NevraTags): string {
  if (!isSource) return arch;
  return isNoSource ? 'nosrc' : 'src';
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
