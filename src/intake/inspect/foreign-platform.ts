import { AppError, cutText } from '../../errors.ts';
import { rpmWordFor } from '../../rpm/rpm-arches.ts';

const MAX_QUOTED_BYTES = 80;

/** The refusal of a package for another operating system than Linux. @param os undefined for one that has no OS tag. */
export function osForeign(os: string | undefined): AppError {
  const reason =
    os === undefined
      ? 'has no OS tag, and rpm installs no such package'
      : `is for the operating system ${quote(os)}, and hosts of a repository run Linux`;
  return new AppError('OS_FOREIGN', `the package ${reason}`, {
    hint: 'Say "linux": rpmbuild --target x86_64-linux, nfpm and GoReleaser platform: linux, fpm --rpm-os linux, electron-installer-redhat platform: linux; where none is said, build it on Linux.',
  });
}

/** The refusal of a package for an architecture that rpm does not know, or not by this word. */
export function archUnknown(arch: string): AppError {
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
