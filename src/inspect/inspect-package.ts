import { closeSync, constants, openSync, statSync } from 'node:fs';
import { AppError } from '../errors.ts';
import { digestOfFile } from '../file-digest.ts';
import { readStart } from '../read-into.ts';
import type { SpooledUpload } from '../receive/spooled-upload.ts';
import { gatherHeader } from '../rpm-parser/gather-header.ts';
import { formatNevra, packageArch } from '../rpm-parser/nevra.ts';
import { parseRpm } from '../rpm-parser/parse-rpm.ts';
import { RpmParseError } from '../rpm-parser/rpm-parse-error.ts';
import type { RpmPackage } from '../rpm-parser/rpm-package.ts';
import { verifyHeaderDigests } from '../rpm-parser/verify-header-digests.ts';
import { checkAcceptance } from './acceptance.ts';
import { checkExpectedDigests, checkPayload, digestsNeeded } from './check-digests.ts';
import { digestFile, type DigestJob, type FileDigests } from './digest-file.ts';

/** A package whose header is read and whose every digest is right. */
export interface InspectedPackage {
  readonly rpm: RpmPackage;
  readonly nevra: string;
  /** Of the whole file, lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

// A larger file takes more than 0.2 ms to hash; handing it to another thread then costs less.
const INLINE_DIGEST_BYTES = 128 * 1024;

/**
 * Inspects a package: header, acceptance rules, every digest in it and those the client sent.
 * @param digestLarge computes the digests of a file that is too large to be hashed here and now.
 * @throws AppError with an RPM_*, DIGEST_*, TEXT_* or HEADER_* code when the package is not to be accepted.
 */
export async function inspectPackage(
  upload: Pick<SpooledUpload, 'path' | 'sizeBytes' | 'sha256' | 'expectedDigests'>,
  digestLarge: (job: DigestJob) => Promise<FileDigests>,
): Promise<InspectedPackage> {
  const { path, sizeBytes } = upload;
  const { bytes, extent } = readHeader(path, sizeBytes);
  const rpm = parsed(() => parseRpm(bytes, sizeBytes));
  parsed(() => verifyHeaderDigests(bytes, rpm));
  checkAcceptance(rpm);
  const { headerStart, payloadStart } = extent;
  const job = { path, sizeBytes, headerStart, payloadStart, ...digestsNeeded(rpm, upload) };
  const digests = sizeBytes <= INLINE_DIGEST_BYTES ? digestFile(job) : await digestLarge(job);
  checkPayload(rpm, digests, sizeBytes - headerStart);
  checkExpectedDigests(upload.expectedDigests, digests);
  return { rpm, nevra: nevraOf(rpm), sha256: digests.sha256, sizeBytes };
}

/** The NEVRA of a stored package, for messages; a file that cannot be read says so. */
export async function describeStoredPackage(path: string): Promise<string> {
  try {
    const { size } = statSync(path);
    return nevraOf(parseRpm(readHeader(path, size).bytes, size));
  } catch {
    return 'a file that is no readable package';
  }
}

/** sha256 of everything from the main header on: what a signature does not change. Undefined for what is no package. */
export async function digestContent(path: string): Promise<string | undefined> {
  try {
    const { extent } = readHeader(path, statSync(path).size);
    return await digestOfFile(path, 'sha256', extent.headerStart);
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

function nevraOf(rpm: RpmPackage): string {
  return formatNevra({ ...rpm, arch: packageArch(rpm) });
}

function readHeader(path: string, sizeBytes: number): ReturnType<typeof gatherHeader> {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return parsed(() => gatherHeader(sizeBytes, (lengthBytes) => readStart(descriptor, lengthBytes)));
  } finally {
    closeSync(descriptor);
  }
}

/** The one place where the parser's errors become the service's. */
function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RpmParseError)) throw error;
    throw new AppError(codeOf(error), error.message, {
      hint:
        error.code === 'NOT_AN_RPM'
          ? 'This is no RPM package: send the file that rpmbuild wrote.'
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
