import type { UploadOutcome } from '../../api/upload-outcome.ts';
import type { Target } from '../../storage/repository-layout.ts';
import { givenSha256 } from '../describe-upload.ts';
import type { IngestParts } from '../ingest-parts.ts';
import type { FileToPlace } from '../../storage/places.ts';
import { chooseSignedFile, type StoredFile } from './choose-signed-file.ts';
import { formatNevra } from '../../rpm/nevra.ts';

/**
 * The file of a package that goes into the tree: the one that was sent, or a signed copy of it.
 * @throws AppError as chooseSignedFile().
 */
export async function chooseFile(
  asSent: StoredFile,
  targets: readonly Target[],
  parts: IngestParts,
): Promise<StoredFile> {
  const { signing } = parts;
  if (signing === undefined) return asSent;
  return chooseSignedFile(asSent, targets, { ...parts, signing });
}

export function toPlace(
  { path, inspected, signatures, receivedSha256 }: StoredFile,
  targets: readonly Target[],
): FileToPlace {
  const { nevra, sha256, sizeBytes } = inspected;
  return { path, nevra: formatNevra(nevra), sha256, sizeBytes, receivedSha256, signatures, targets };
}

/** What an answer says of a package beside its places. */
export function toOutcomeFacts({
  nevra,
  sha256,
  receivedSha256,
  sizeBytes,
  warnings,
}: Omit<FileToPlace, 'path' | 'signatures' | 'targets'> & Pick<UploadOutcome, 'warnings'>): Omit<
  UploadOutcome,
  'outcome' | 'places'
> {
  return { nevra, sha256, ...givenSha256(receivedSha256), sizeBytes, ...(warnings && { warnings }) };
}

/** For answers and batches; left out when there is nothing to say. */
export function findUploadWarnings(
  { inspected }: Pick<StoredFile, 'inspected'>,
  targets: readonly Pick<Target, 'repository'>[],
  { findWarnings }: Pick<IngestParts, 'findWarnings'>,
): Pick<UploadOutcome, 'warnings'> {
  const repositories = targets.map(({ repository }) => repository);
  const warnings = findWarnings(inspected.rpm, repositories);
  return warnings.length === 0 ? {} : { warnings };
}
