import { closeSync } from 'node:fs';
import { AppError, cutText, type ErrorCode } from '../errors.ts';
import { openToRead } from '../base/files/open-to-read.ts';
import { readStart, release } from '../base/files/read-into.ts';
import { gatherHeader } from '../rpm/rpm-parser/gather-header.ts';
import { parseRpm } from '../rpm/rpm-parser/parse-rpm.ts';
import { RpmParseError, type RpmParseErrorCode } from '../rpm/rpm-parser/rpm-parse-error.ts';
import type { PackageSignature, RpmPackage } from '../rpm/rpm-parser/rpm-package.ts';
import { verifyHeaderDigests } from '../rpm/rpm-parser/verify-header-digests.ts';
import { checkAcceptance, TEXT_TOO_LONG_HINT } from './inspect/acceptance.ts';

/**
 * What a package says about itself, without its lists and long texts: the lists decode from the whole header, and neither must
 * stay in memory as long as an upload lasts. Plain data: it may travel between threads.
 */
export type PackageFacts = Omit<
  RpmPackage,
  'dependencies' | 'files' | 'fileDigests' | 'changelogs' | LongText
> & {
  readonly fileCount: number;
  /** Its beginning. */
  readonly summary: string | undefined;
};

type LongText =
  | 'summary'
  | 'description'
  | 'group'
  | 'license'
  | 'vendor'
  | 'packager'
  | 'url'
  | 'buildHost'
  | 'sourceRpm';

/** As much of a summary as a person reads. */
const MAX_SUMMARY_BYTES = 1024;

/** A package file whose header is to be read. Plain data: it may travel to a worker thread. */
export interface HeaderJob {
  readonly path: string;
  readonly sizeBytes: number;
  /** False: the caller wants to know what the package says, and not whether it may enter a repository. */
  readonly mustBeAccepted: boolean;
}

/** Thrown for a header that is too large to be read in this thread. */
export class HeaderTooLargeHere extends Error {}

/**
 * Reads a package's header, and checks it and its digests.
 * @param maxBytes of lead, signature header and header together.
 * @throws AppError RPM_*, TEXT_NOT_XML, DEPENDENCY_INVALID; HeaderTooLargeHere.
 */
export function readHeader(
  { path, sizeBytes, mustBeAccepted }: HeaderJob,
  maxBytes = Infinity,
): PackageFacts {
  const descriptor = openToRead(path);
  try {
    const readBytes = (lengthBytes: number): Uint8Array => {
      if (lengthBytes > maxBytes) throw new HeaderTooLargeHere();
      return readStart(descriptor, lengthBytes);
    };
    const { bytes } = asAppError(() => gatherHeader(sizeBytes, readBytes));
    try {
      const rpm = asAppError(() => parseRpm(bytes, sizeBytes));
      if (mustBeAccepted) {
        asAppError(() => verifyHeaderDigests(bytes, rpm));
        checkAcceptance(rpm);
      }
      return toFacts(rpm);
    } finally {
      release(bytes);
    }
  } finally {
    closeSync(descriptor);
  }
}

function toFacts(rpm: RpmPackage): PackageFacts {
  const { dependencies: _1, files, fileDigests: _2, changelogs: _3, ...described } = rpm;
  const { description: _4, group: _5, license: _6, vendor: _7, packager: _8, ...others } = described;
  const { url: _9, buildHost: _10, sourceRpm: _11, summary, ...facts } = others;
  return {
    ...facts,
    signatures: rpm.signatures.map(copied),
    fileCount: files.length,
    summary: summary === undefined ? undefined : cutText(summary, MAX_SUMMARY_BYTES),
  };
}

/** Signature packets are views of the header's bytes, which end here. */
function copied(signature: PackageSignature): PackageSignature {
  return { ...signature, packet: Uint8Array.from(signature.packet) };
}

/** The one place where the parser's errors become the service's. @throws AppError RPM_*. */
export function asAppError<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RpmParseError)) throw error;
    throw new AppError(CODES[error.code] ?? 'RPM_MALFORMED', error.message, {
      hint:
        HINTS[error.code] ?? 'Check the file with "rpm -K --nosignature", build it again and send it again.',
      cause: error,
      details: { parserCode: error.code, offset: error.offset },
    });
  }
}

const HINTS: Readonly<Partial<Record<RpmParseErrorCode, string>>> = {
  NOT_AN_RPM:
    'This is no RPM package: send the file that rpmbuild wrote as it is, neither compressed nor encoded.',
  TEXT_TOO_LONG: TEXT_TOO_LONG_HINT,
};

const CODES: Readonly<Partial<Record<RpmParseErrorCode, ErrorCode>>> = {
  TRUNCATED: 'RPM_TRUNCATED',
  DIGEST_MISMATCH: 'RPM_DIGEST_MISMATCH',
  TEXT_TOO_LONG: 'TEXT_TOO_LONG',
};
