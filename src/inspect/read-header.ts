import { closeSync } from 'node:fs';
import { AppError } from '../errors.ts';
import { openToRead } from '../open-to-read.ts';
import { readStart, release } from '../read-into.ts';
import { gatherHeader } from '../rpm-parser/gather-header.ts';
import { parseRpm } from '../rpm-parser/parse-rpm.ts';
import { RpmParseError } from '../rpm-parser/rpm-parse-error.ts';
import type { PackageSignature, RpmPackage } from '../rpm-parser/rpm-package.ts';
import { verifyHeaderDigests } from '../rpm-parser/verify-header-digests.ts';
import { checkAcceptance } from './acceptance.ts';

/**
 * What a package says about itself, without its lists: those decode from the whole header, which must not stay in memory
 * as long as an upload lasts. Plain data: it may travel between threads.
 */
export type PackageFacts = Omit<RpmPackage, 'dependencies' | 'files' | 'fileDigests' | 'changelogs'> & {
  readonly fileCount: number;
};

/** A package file whose header is to be read. Plain data: it may travel to a worker thread. */
export interface HeaderJob {
  readonly path: string;
  readonly sizeBytes: number;
  /** False: what it says is wanted, whether it may enter a repository or not. */
  readonly mustBeAccepted: boolean;
}

/** Thrown instead of reading a header that is larger than it may be here. */
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
      const { dependencies: _1, files, fileDigests: _2, changelogs: _3, ...facts } = rpm;
      return { ...facts, signatures: rpm.signatures.map(copied), fileCount: files.length };
    } finally {
      release(bytes);
    }
  } finally {
    closeSync(descriptor);
  }
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
    throw new AppError(codeOf(error), error.message, {
      hint:
        error.code === 'NOT_AN_RPM'
          ? 'This is no RPM package: send the file that rpmbuild wrote as it is, neither compressed nor encoded.'
          : 'Check the file with "rpm -K --nosignature", build it again and send it again.',
      cause: error,
      details: { parserCode: error.code, offset: error.offset },
    });
  }
}

function codeOf(error: RpmParseError): 'RPM_TRUNCATED' | 'RPM_DIGEST_MISMATCH' | 'RPM_MALFORMED' {
  if (error.code === 'TRUNCATED') return 'RPM_TRUNCATED';
  return error.code === 'DIGEST_MISMATCH' ? 'RPM_DIGEST_MISMATCH' : 'RPM_MALFORMED';
}
