import { statSync } from 'node:fs';
import { AppError } from '../errors.ts';
import { digestOfFile } from '../base/files/file-digest.ts';
import type { SpooledUpload } from './spooled-upload.ts';
import { formatNevra, type Nevra, toNevra } from '../rpm/nevra.ts';
import { checkExpectedDigests, checkPayload, digestsNeeded } from './inspect/check-digests.ts';
import { digestFile } from './inspect/digest-file.ts';
import type { InspectionThreads } from './inspection-threads.ts';
import { type HeaderJob, HeaderTooLargeHere, type PackageFacts, readHeader } from './read-header.ts';

/** A package whose header is read and whose every digest is right. */
export interface InspectedPackage {
  readonly rpm: PackageFacts;
  readonly nevra: Nevra;
  /** Of the whole file, lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

// A larger file takes more than 0.2 ms to hash; handing it to another thread then costs less.
const INLINE_DIGEST_BYTES = 128 * 1024;
// Takes at most some milliseconds and little memory.
const INLINE_HEADER_BYTES = 1024 * 1024;

/**
 * Inspects a package: header, acceptance rules, every digest in it and those the client sent.
 * @param threads take what is too large to be done here and now.
 * @throws AppError with an RPM_*, DIGEST_*, TEXT_*, DEPENDENCY_* or HEADER_* code when the package is not to be accepted.
 */
export async function inspectPackage(
  upload: Pick<SpooledUpload, 'path' | 'sizeBytes' | 'sha256' | 'expectedDigests'>,
  threads: Pick<InspectionThreads, 'readHeader' | 'digest'>,
): Promise<InspectedPackage> {
  const { path, sizeBytes } = upload;
  const rpm = await readHeaderSomewhere({ path, sizeBytes, mustBeAccepted: true }, threads);
  const { start: headerStart, end: payloadStart } = rpm.headerRange;
  const job = { path, sizeBytes, headerStart, payloadStart, ...digestsNeeded(rpm, upload) };
  const digests = sizeBytes <= INLINE_DIGEST_BYTES ? digestFile(job) : await threads.digest(job);
  checkPayload(rpm, digests, sizeBytes - headerStart);
  checkExpectedDigests(upload.expectedDigests, digests);
  return { rpm, nevra: toNevra(rpm), sha256: digests.sha256, sizeBytes };
}

/** The NEVRA of a stored package, for messages; a file that cannot be read says so. */
export async function describeStoredPackage(
  path: string,
  threads: Pick<InspectionThreads, 'readHeader'>,
): Promise<string> {
  try {
    const sizeBytes = statSync(path).size;
    return formatNevra(
      toNevra(await readHeaderSomewhere({ path, sizeBytes, mustBeAccepted: false }, threads)),
    );
  } catch {
    return 'a file that is no readable package';
  }
}

/** sha256 of everything from the main header on: what a signature does not change. Undefined for what is no package. */
export async function digestContent(
  path: string,
  threads: Pick<InspectionThreads, 'readHeader'>,
): Promise<string | undefined> {
  try {
    const sizeBytes = statSync(path).size;
    const { headerRange } = await readHeaderSomewhere({ path, sizeBytes, mustBeAccepted: false }, threads);
    return await digestOfFile(path, 'sha256', { start: headerRange.start });
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

async function readHeaderSomewhere(
  job: HeaderJob,
  threads: Pick<InspectionThreads, 'readHeader'>,
): Promise<PackageFacts> {
  try {
    return readHeader(job, INLINE_HEADER_BYTES);
  } catch (error) {
    if (error instanceof HeaderTooLargeHere) return threads.readHeader(job);
    throw error;
  }
}
