import { splitRepositoryName, type RepositoryName } from '../rpm/repository-name.ts';
import type { PackageWarning } from '../api/package-warning.ts';
import type { PackageDigests } from '../rpm/rpm-parser/rpm-package.ts';
import { findWeakDigest } from './signing/find-weakness.ts';

/** Fedora has rpm 6 since 43, and Enterprise Linux from 11 on, whose numbers are far below. */
const FIRST_FEDORA = 43;
const ENTERPRISE_LINUX: readonly number[] = [11];
/** Higher numbers are years and service packs of other distributions, such as 2023 and 160000. */
const LAST_FEDORA = 999;
/** Releasevers that become the next releases of them. */
const ROLLING = /^(?:eln\d*|rawhide)$/;

/** The parts of a package that only MD5 or SHA-1 proves. */
export type UntrustedPart = 'header' | 'payload' | 'header and payload';

/**
 * What the hosts of some of these repositories do not find proved, or undefined. rpm 6 computes neither the SHA-1 of a header nor
 * the MD5 of header and payload, and installs nothing without a digest of each, signed or not.
 *
 * Source: rpm 6.0.0, macros.in: _pkgverify_flags 0x20100, which are RPMVSF_NOSHA1HEADER and RPMVSF_NOMD5
 * (docs/man/rpm-config.5.scd), with _pkgverify_level; lib/rpmvs.cc, rpmvsVerify.
 */
export function findUntrustedDigests(
  digests: PackageDigests,
  repositories: readonly RepositoryName[],
): { readonly part: UntrustedPart; readonly repositories: readonly RepositoryName[] } | undefined {
  const part = untrustedPart(digests);
  const strict = part === undefined ? [] : repositories.filter(hasRpm6);
  return part === undefined || strict.length === 0 ? undefined : { part, repositories: strict };
}

/** The same as a warning. */
export function findDigestWarnings(
  digests: PackageDigests,
  repositories: readonly RepositoryName[],
): readonly PackageWarning[] {
  const untrusted = findUntrustedDigests(digests, repositories);
  if (untrusted === undefined) return [];
  const names = untrusted.repositories.join(', ');
  const text = `only MD5 or SHA-1 proves its ${untrusted.part}, and hosts of ${names} (rpm 6) install no such package; build it again with SHA-256 digests`;
  return [{ code: 'PACKAGE_DIGEST_WEAK', text }];
}

function untrustedPart({ headerSha256, headerSha3_256, payload }: PackageDigests): UntrustedPart | undefined {
  const isHeaderProved = headerSha256 !== undefined || headerSha3_256 !== undefined;
  const isPayloadProved = payload.some(({ algorithm }) => findWeakDigest(algorithm) === undefined);
  if (isHeaderProved) return isPayloadProved ? undefined : 'payload';
  return isPayloadProved ? 'header' : 'header and payload';
}

function hasRpm6(repository: RepositoryName): boolean {
  const { releasever } = splitRepositoryName(repository);
  if (ROLLING.test(releasever)) return true;
  const number = /^\d+$/.test(releasever) ? Number(releasever) : 0;
  return ENTERPRISE_LINUX.includes(number) || (number >= FIRST_FEDORA && number <= LAST_FEDORA);
}
