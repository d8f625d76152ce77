import { AppError } from '../errors.ts';
import type { ExpectedDigest } from '../receive/spooled-upload.ts';
import type { DigestJob, FileDigests } from './digest-file.ts';
import type { PackageFacts } from './read-header.ts';

/**
 * Which digests prove the package whole: a digest of the header with one of the payload, or the MD5 over both.
 * @throws AppError RPM_DIGEST_MISSING when the package carries neither.
 */
export function digestsNeeded(
  rpm: PackageFacts,
  upload: { readonly sha256: string | undefined; readonly expectedDigests: readonly ExpectedDigest[] },
): Pick<DigestJob, 'sha256' | 'isSha512Needed' | 'payload' | 'isHeaderAndPayloadMd5Needed'> {
  const { digests } = rpm;
  const hasHeaderDigest =
    digests.headerSha256 !== undefined ||
    digests.headerSha1 !== undefined ||
    digests.headerSha3_256 !== undefined;
  const [payload] = digests.payload;
  const isProvenByDigests = hasHeaderDigest && payload !== undefined;
  if (!isProvenByDigests && digests.headerAndPayloadMd5 === undefined) {
    throw new AppError('RPM_DIGEST_MISSING', 'the package carries no digest that covers header and payload', {
      hint: 'Build it with an rpmbuild that writes digests (every version since 2.0 does).',
    });
  }
  return {
    sha256: upload.sha256,
    isSha512Needed: upload.expectedDigests.some(({ algorithm }) => algorithm === 'sha512'),
    // Also when the MD5 proves the package whole: the signature header with the MD5 in it is signed by nobody, and a
    // signature of the main header covers the payload through this digest alone.
    payload: payload?.algorithm,
    isHeaderAndPayloadMd5Needed: !isProvenByDigests,
  };
}

/** @throws AppError RPM_TRUNCATED, RPM_MALFORMED (bytes after the end), RPM_DIGEST_MISMATCH. */
export function checkPayload(rpm: PackageFacts, found: FileDigests, headerAndPayloadBytes: number): void {
  checkLength(rpm, headerAndPayloadBytes);
  const { digests } = rpm;
  compare('payload', digests.payload[0]?.hex, found.payload);
  compare('header and payload', digests.headerAndPayloadMd5, found.headerAndPayloadMd5);
}

/** @throws AppError RPM_TRUNCATED, RPM_MALFORMED (bytes after the end). */
export function checkLength({ digests }: Pick<PackageFacts, 'digests'>, headerAndPayloadBytes: number): void {
  const expectedBytes = digests.headerAndPayloadSizeBytes;
  if (expectedBytes !== undefined && headerAndPayloadBytes < expectedBytes) {
    throw new AppError(
      'RPM_TRUNCATED',
      `header and payload have ${headerAndPayloadBytes} bytes, the package says ${expectedBytes}`,
      { hint: 'Send the whole package again.' },
    );
  }
  if (expectedBytes !== undefined && headerAndPayloadBytes > expectedBytes) {
    throw new AppError(
      'RPM_MALFORMED',
      `${headerAndPayloadBytes - expectedBytes} bytes follow after the end of the package`,
      { hint: 'Send one package per file, with nothing after it.' },
    );
  }
}

/** @throws AppError DIGEST_MISMATCH when the body is not the one the client meant. */
export function checkExpectedDigests(expected: readonly ExpectedDigest[], found: FileDigests): void {
  for (const { algorithm, hex, header } of expected) {
    if (found[algorithm] === hex) continue;
    throw new AppError(
      'DIGEST_MISMATCH',
      `the body's ${algorithm} is ${found[algorithm] ?? 'unknown'}, ${header} says ${hex}`,
      { hint: 'The body changed on its way or the digest is of another file: send it again.' },
    );
  }
}

function compare(part: string, expected: string | undefined, found: string | undefined): void {
  if (found === undefined || expected === found) return;
  throw new AppError(
    'RPM_DIGEST_MISMATCH',
    `the ${part} digest is ${found}, the package says ${expected ?? 'nothing'}`,
    { hint: 'The package is damaged: build it again or send it again.' },
  );
}
