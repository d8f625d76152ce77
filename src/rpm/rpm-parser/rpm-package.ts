import type { DigestAlgorithm } from './digest-algorithm.ts';
import type { LazyList } from './lazy-list.ts';

export type DependencyKind =
  | 'provides'
  | 'requires'
  | 'conflicts'
  | 'obsoletes'
  | 'recommends'
  | 'suggests'
  | 'supplements'
  | 'enhances'
  /** The weak dependencies of SUSE and Mageia before rpm 4.12 had its own; the strong bit of `flags` tells two kinds apart. */
  | 'oldSuggests'
  | 'oldEnhances';

export interface Dependency {
  readonly name: string;
  /** The sense bits as they are in the header. */
  readonly flags: number;
  /** `[epoch:]version[-release]`, empty when any version will do. */
  readonly evr: string;
  readonly epoch: number | undefined;
  readonly version: string;
  readonly release: string | undefined;
  /** Needed before or after the package's scriptlets run, not only in the end. */
  readonly isPre: boolean;
}

/** A boolean dependency that makes the programs of every host crash that reads it. */
export interface DependencyDefect {
  /** rpm's name of the tag, such as REQUIRENAME. */
  readonly tag: string;
  /** Of the dependency among those of its tag. */
  readonly index: number;
  readonly problem: 'nested-too-deep' | 'too-many-words';
  /** How the dependency begins, in printable ASCII. */
  readonly start: string;
}

export interface PackagedFile {
  readonly path: string;
  /** Type and permission bits as in stat(2). */
  readonly mode: number;
  /** RPMFILE bits as they are in the header. */
  readonly flags: number;
  /** 0 when the package does not say. */
  readonly sizeBytes: number;
  readonly kind: 'file' | 'dir' | 'ghost';
}

export interface Changelog {
  readonly author: string;
  readonly timeSeconds: number;
  readonly text: string;
}

/** The digests that a package records of itself, in lower-case hex. */
export interface PackageDigests {
  /** Over the main header, its magic included. */
  readonly headerSha256?: string;
  readonly headerSha1?: string;
  readonly headerSha3_256?: string;
  /** Over the main header and the payload, to the end of the file. */
  readonly headerAndPayloadMd5?: string;
  /**
   * From the magic of the main header to the end of the file, as the package says. Nothing depends on it but what a damaged
   * file is told: rpm does not compare it, and packagers write wrong ones.
   */
  readonly headerAndPayloadSizeBytes?: number;
  /** Of the payload, in the order in which rpm compares them; see findWrongPayloadDigest. */
  readonly payload: readonly PayloadDigest[];
}

/** One digest of the payload as it is in the file, compressed, or of the payload when unpacked (the tags that end in ALT). */
export interface PayloadDigest {
  /** rpm's name of the tag, such as `PAYLOADSHA256`. */
  readonly tag: string;
  readonly algorithm: DigestAlgorithm;
  /** Lower case; undefined for what rpm takes for no digest. */
  readonly hex: string | undefined;
  /** Why there is no hex, to follow the tag's name in a sentence. */
  readonly problem?: string;
}

/** One OpenPGP signature as it is in the signature header; it is not verified. */
export interface PackageSignature {
  /** rpm's name of the tag, such as `RSA`. */
  readonly tag: string;
  readonly covers: 'header' | 'header-and-payload';
  /** Should be one OpenPGP packet; empty when it was not even base64. */
  readonly packet: Uint8Array;
}

/**
 * Something in the text of a tag that repodata cannot carry, or only after a change. There is one entry
 * per tag and defect, the first that was found, so a harmless defect never hides a grave one.
 */
export interface TextDefect {
  /** rpm's name of the tag, such as `SUMMARY` or `BASENAMES`. */
  readonly tag: string;
  /** Which string of the tag, from 0 on. */
  readonly index: number;
  /**
   * `latin-1`: not UTF-8, read as Latin-1.
   * `ill-formed`: shaped like UTF-8 but overlong, a surrogate or above U+10FFFF.
   * `control`: a control character XML 1.0 cannot hold; in NEVRA also tab, newline, carriage return.
   * `noncharacter`: U+FFFE or U+FFFF.
   * `too-long`: longer than what readers of repodata take.
   */
  readonly defect: 'latin-1' | 'ill-formed' | 'control' | 'noncharacter' | 'too-long';
}

/** What a package says about itself. Nothing in it is fit for a path before it has been validated. */
export interface RpmPackage {
  readonly name: string;
  /** Undefined without the tag; rpm then compares it as 0. */
  readonly epoch: number | undefined;
  readonly version: string;
  readonly release: string;
  /** The tag's value; of a source package the architecture it was built on. */
  readonly arch: string;
  /** Undefined without the tag. */
  readonly os: string | undefined;
  readonly isSource: boolean;
  /** A source package that leaves out some of its sources. */
  readonly isNoSource: boolean;
  /** 3: no region over the header, or full file names. 6: RPMFORMAT says so. */
  readonly formatMajor: 3 | 4 | 6;
  readonly summary: string | undefined;
  readonly description: string | undefined;
  readonly group: string | undefined;
  readonly license: string | undefined;
  readonly vendor: string | undefined;
  readonly packager: string | undefined;
  readonly url: string | undefined;
  readonly buildHost: string | undefined;
  readonly sourceRpm: string | undefined;
  /** Since 1970; 0 without the tag, here and in the two sizes below, as in createrepo_c. */
  readonly buildTimeSeconds: number;
  readonly installedSizeBytes: number;
  /** The payload when unpacked. */
  readonly archiveSizeBytes: number;
  /** `cpio`, or `drpm` for a delta. */
  readonly payloadFormat: string;
  readonly payloadCompressor: string;
  /** The main header in the file: its first byte, and the first byte of the payload. */
  readonly headerRange: { readonly start: number; readonly end: number };
  readonly dependencies: Readonly<Record<DependencyKind, LazyList<Dependency>>>;
  readonly files: LazyList<PackagedFile>;
  /** Of each file in hex, in `fileDigestAlgorithm`, empty for what is no regular file; none when the package has none. */
  readonly fileDigests: LazyList<string>;
  /** Undefined for an algorithm that is not known here. */
  readonly fileDigestAlgorithm: DigestAlgorithm | undefined;
  /** Newest first, as in the header. */
  readonly changelogs: LazyList<Changelog>;
  readonly digests: PackageDigests;
  /** Whether there is an OpenPGP signature; it is not verified. */
  readonly isSigned: boolean;
  readonly signatures: readonly PackageSignature[];
  readonly textDefects: readonly TextDefect[];
  /** The first dependency that hosts cannot read. */
  readonly dependencyDefect: DependencyDefect | undefined;
  /** Why no host can install the package, as far as its header tells; undefined when the header gives no reason. */
  readonly installDefect: string | undefined;
}
