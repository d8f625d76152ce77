import { AppError } from '../../errors.ts';
import type { ExpectedDigest } from '../spooled-upload.ts';
import { compareSize, findWrongDigest, isProvable } from '../../rpm/package-rules.ts';
import type { DigestJob, FileDigests } from './digest-file.ts';
import type { PackageFacts } from '../read-header.ts';

/**
 * Every digest of the payload that the package carries, and the MD5 over header and payload: findWrongDigest() asks for each.
 * @throws AppError RPM_DIGEST_MISSING when they would not prove the package whole.
 */
export function digestsNeeded(
  rpm: PackageFacts,
  upload: { readonly sha256: string | undefined; readonly expectedDigests: readonly ExpectedDigest[] },
): Pick<DigestJob, 'sha256' | 'isSha512Needed' | 'payload' | 'isHeaderAndPayloadMd5Needed'> {
  const { digests } = rpm;
  if (!isProvable(digests)) {
    throw new AppError('RPM_DIGEST_MISSING', 'the package carries no digest that covers header and payload', {
      hint: 'Build it with an rpmbuild that writes digests (every version since 2.0 does).',
    });
  }
  return {
    sha256: upload.sha256,
    isSha512Needed: upload.expectedDigests.some(({ algorithm }) => algorithm === 'sha512'),
    payload: [...new Set(digests.payload.map(({ algorithm }) => algorithm))],
    isHeaderAndPayloadMd5Needed: digests.headerAndPayloadMd5 !== undefined,
  };
}

/**
 * Says what is wrong with a package whose digests do not prove it whole. See compareSize() for the
 * size in it.
 * @throws AppError RPM_TRUNCATED, RPM_MALFORMED (bytes after the end), RPM_DIGEST_MISMATCH.
 */
export function checkPayload(rpm: PackageFacts, found: FileDigests, headerAndPayloadBytes: number): void {
  const mismatch = findMismatch(rpm, found);
  if (mismatch === undefined) return;
  throw lengthProblem(rpm, headerAndPayloadBytes) ?? mismatch;
}

function findMismatch({ digests }: PackageFacts, found: FileDigests): AppError | undefined {
  const wrong = findWrongDigest(digests, found);
  if (wrong === undefined) return undefined;
  if (wrong.covers === 'header and payload') {
    return mismatch('MD5 of header and payload', found.headerAndPayloadMd5, wrong.hex);
  }
  const { tag, algorithm, hex, problem } = wrong.digest;
  if (problem !== undefined) return unreadableDigest(tag, problem);
  return mismatch(`${algorithm} of the payload`, found.payload.get(algorithm), hex);
}

function mismatch(part: string, found: string | undefined, expected: string | undefined): AppError {
  const message = `the ${part} is ${found ?? 'unknown'}, the package says ${expected ?? 'nothing'}`;
  return new AppError('RPM_DIGEST_MISMATCH', message, {
    hint: 'The package is damaged: build it again or send it again.',
  });
}

function unreadableDigest(tag: string, problem: string): AppError {
  return new AppError('RPM_DIGEST_MISMATCH', `the payload's digest ${tag} ${problem}: rpm calls it BAD`, {
    hint: 'The program that built the package writes it wrong, and no host would install it: use a newer release of it, or rpmbuild.',
  });
}

function lengthProblem({ digests }: PackageFacts, foundBytes: number): AppError | undefined {
  const difference = compareSize(digests, foundBytes);
  if (difference === undefined) return undefined;
  const recordedBytes = digests.headerAndPayloadSizeBytes ?? foundBytes;
  if (difference === 'cut') {
    return new AppError(
      'RPM_TRUNCATED',
      `header and payload have ${foundBytes} bytes, the package says ${recordedBytes}`,
      { hint: 'Send the whole package again.' },
    );
  }
  return new AppError(
    'RPM_MALFORMED',
    `${foundBytes - recordedBytes} bytes follow after the end of the package`,
    { hint: 'Send one package per file, with nothing after it.' },
  );
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
