import { AppError, cutText } from '../../errors.ts';
import type { RpmPackage } from '../../rpm/rpm-parser/rpm-package.ts';
import { isRpmArch, rpmWordFor } from './rpm-arches.ts';

/** rpm compares it without regard to case. Source: rpm, lib/rpmrc.cc, rpmMachineScore. */
const OS = /^linux$/i;

const MAX_QUOTED_BYTES = 80;

/**
 * What no host can install, because it is for another machine. rpm takes a source package of any arch and OS, but none
 * without the tag OS. Source: rpm, lib/rpmte.cc, addTE; lib/transaction.cc, checkProblems.
 * @throws AppError ARCH_UNKNOWN, OS_FOREIGN.
 */
export function checkPlatform({ arch, os, isSource }: Pick<RpmPackage, 'arch' | 'os' | 'isSource'>): void {
  if (os === undefined) throw osForeign('has no OS tag, and rpm installs no such package');
  if (isSource) return;
  if (!OS.test(os))
    throw osForeign(`is for the operating system ${quote(os)}, and hosts of a repository run Linux`);
  if (!isRpmArch(arch)) throw archUnknown(arch);
}

function osForeign(reason: string): AppError {
  return new AppError('OS_FOREIGN', `the package ${reason}`, {
    hint: 'Say "linux": rpmbuild --target x86_64-linux, nfpm and GoReleaser platform: linux, fpm --rpm-os linux, electron-installer-redhat platform: linux; where none is said, build it on Linux.',
  });
}

function archUnknown(arch: string): AppError {
  const word = rpmWordFor(arch);
  return new AppError(
    'ARCH_UNKNOWN',
    `the package's arch is ${quote(arch)}, which ${word === undefined ? 'rpm does not know' : `rpm calls ${word}`}, so no host would install it`,
    {
      hint: word === undefined ? UNKNOWN_HINT : hintFor(word),
      details: { arch, ...(word && { rpmArch: word }) },
    },
  );
}

const UNKNOWN_HINT =
  'Build it for an architecture of rpm: x86_64, aarch64, noarch, i686, armv7hl, ppc64le, s390x, riscv64; "Errors" in the documentation says how packagers are told.';

function hintFor(word: string): string {
  return `Build it again for ${word}: rpmbuild --target ${word}, fpm -a ${word}, nfpm rpm: arch: ${word}, CPACK_RPM_PACKAGE_ARCHITECTURE ${word}, electron-installer-redhat arch: ${word}; docs/errors.md has other packagers.`;
}

/** The beginning of an untrusted value, quoted. */
function quote(value: string): string {
  return JSON.stringify(cutText(value, MAX_QUOTED_BYTES));
}
