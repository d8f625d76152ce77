import { isRpmArch } from './rpm-arches.ts';
import type { DigestAlgorithm } from './rpm-parser/digest-algorithm.ts';
import { findWrongPayloadDigest } from './rpm-parser/payload-digests.ts';
import type {
  DependencyDefect,
  PackageDigests,
  PayloadDigest,
  RpmPackage,
  TextDefect,
} from './rpm-parser/rpm-package.ts';
import { rateDefect } from './rpm-parser/text-defects.ts';

// What is taken on intake and what an index describes follow from the same rules: a package that was acknowledged and is then
// kept out of its index is a broken promise.

/** What an index cannot describe. */
export type IndexDefect =
  | { readonly kind: 'payload-format'; readonly payloadFormat: string }
  | { readonly kind: 'text'; readonly text: TextDefect }
  | { readonly kind: 'dependency'; readonly dependency: DependencyDefect };

/** Why a package is not taken: what an index cannot describe, and what no host can install. */
export type PackageDefect =
  | IndexDefect
  | { readonly kind: 'os'; readonly os: string | undefined }
  | { readonly kind: 'arch'; readonly arch: string }
  | { readonly kind: 'install'; readonly reason: string };

/** What the rules look at. */
export type RuledPackage = Pick<
  RpmPackage,
  'payloadFormat' | 'arch' | 'os' | 'isSource' | 'textDefects' | 'dependencyDefect' | 'installDefect'
>;

/** Digests of a file, in lower-case hex. */
export interface ComputedDigests {
  readonly payload: ReadonlyMap<DigestAlgorithm, string>;
  /** Undefined when the package carries none. */
  readonly headerAndPayloadMd5: string | undefined;
}

/** A digest that a package carries, and that its bytes do not have. */
export type WrongDigest =
  | { readonly covers: 'header and payload'; readonly hex: string | undefined }
  | { readonly covers: 'payload'; readonly digest: PayloadDigest };

// rpm compares it without regard to case. Source: rpm, lib/rpmrc.cc, rpmMachineScore.
const OS = /^linux$/i;

/** Why a package may not enter a repository. It then has none of the defects of findIndexDefect(). */
export function findDefect(rpm: RuledPackage): PackageDefect | undefined {
  // A delta package is told so first, whatever else it is.
  return findPayloadDefect(rpm) ?? findPlatformDefect(rpm) ?? findIndexDefect(rpm) ?? toInstallDefect(rpm);
}

/** Why an index leaves a package out, however it came into the directory. */
export function findIndexDefect(
  rpm: Pick<RuledPackage, 'payloadFormat' | 'textDefects' | 'dependencyDefect'>,
): IndexDefect | undefined {
  return findPayloadDefect(rpm) ?? findTextDefect(rpm) ?? toDependencyDefect(rpm);
}

/**
 * True when a package carries digests that prove all of it: one of the header with one of the payload, or the MD5 of both.
 *
 * Source: rpm, lib/rpmvs.cc, rpmvsVerify.
 */
export function isProvable({
  headerSha256,
  headerSha1,
  headerSha3_256,
  payload,
  headerAndPayloadMd5,
}: PackageDigests): boolean {
  const hasHeaderDigest =
    headerSha256 !== undefined || headerSha1 !== undefined || headerSha3_256 !== undefined;
  return (hasHeaderDigest && payload.length > 0) || headerAndPayloadMd5 !== undefined;
}

/**
 * The first digest that hosts find wrong: they refuse a package for one, whatever the others say. Those of the header are
 * verifyHeaderDigests()'s.
 *
 * Source: rpm, lib/rpmvs.cc, rpmvsVerify.
 */
export function findWrongDigest(digests: PackageDigests, computed: ComputedDigests): WrongDigest | undefined {
  const hex = digests.headerAndPayloadMd5;
  if (hex !== computed.headerAndPayloadMd5) return { covers: 'header and payload', hex };
  const digest = findWrongPayloadDigest(digests.payload, computed.payload);
  return digest && { covers: 'payload', digest };
}

/**
 * How the size of header and payload differs from what the package says. Whether the package is whole is for the digests to
 * prove: rpm does not compare the size, and some packagers write a wrong one.
 */
export function compareSize(
  { headerAndPayloadSizeBytes: recordedBytes }: PackageDigests,
  foundBytes: number,
): 'cut' | 'longer' | undefined {
  if (recordedBytes === undefined || recordedBytes === foundBytes) return undefined;
  return foundBytes < recordedBytes ? 'cut' : 'longer';
}

function findPayloadDefect({ payloadFormat }: Pick<RuledPackage, 'payloadFormat'>): IndexDefect | undefined {
  return payloadFormat === 'cpio' ? undefined : { kind: 'payload-format', payloadFormat };
}

function findTextDefect({ textDefects }: Pick<RuledPackage, 'textDefects'>): IndexDefect | undefined {
  const text = textDefects.find((defect) => rateDefect(defect) === 'fatal');
  return text && { kind: 'text', text };
}

function toDependencyDefect({
  dependencyDefect: dependency,
}: Pick<RuledPackage, 'dependencyDefect'>): IndexDefect | undefined {
  return dependency && { kind: 'dependency', dependency };
}

/**
 * What no host can install, because it is for another machine. rpm takes a source package of any arch and OS, but none without
 * the tag OS.
 *
 * Source: rpm, lib/rpmte.cc, addTE; lib/transaction.cc, checkProblems.
 */
function findPlatformDefect({ arch, os, isSource }: RuledPackage): PackageDefect | undefined {
  if (os === undefined) return { kind: 'os', os };
  if (isSource) return undefined;
  if (!OS.test(os)) return { kind: 'os', os };
  return isRpmArch(arch) ? undefined : { kind: 'arch', arch };
}

function toInstallDefect({ installDefect }: RuledPackage): PackageDefect | undefined {
  return installDefect === undefined ? undefined : { kind: 'install', reason: installDefect };
}
