import type { Batch, BatchMember } from '../../storage/batch-store.ts';
import { AppError, toAppError } from '../../errors.ts';
import { chooseFile, toPlace, findUploadWarnings } from './choose-file.ts';
import { inspectPackage } from '../inspect-package.ts';
import type { BatchParts } from '../ingest-parts.ts';
import { type Refused, refuseBatch } from './batch-refusal.ts';
import { memberToPlace } from '../../storage/member-to-place.ts';
import type { DecidedMember, FileToPlace } from '../../storage/places.ts';
import type { StoredFile } from './choose-signed-file.ts';

/** One package of a batch as it would go into the tree. */
export interface PreparedFile {
  readonly file: FileToPlace;
  readonly member: DecidedMember;
  readonly discard: StoredFile['discard'];
}

/**
 * Signs the packages that need it.
 * @returns why it is refused.
 * @throws AppError for a fault of the service.
 */
export async function prepareFiles(
  { id, members }: Batch,
  parts: BatchParts,
): Promise<readonly PreparedFile[] | AppError> {
  const settled = await Promise.allSettled(members.map((member) => prepareFile(id, member, parts)));
  const refused = settled.flatMap((result, index) => {
    const { nevra = '', sha256 = '' } = members[index] ?? {};
    return result.status === 'fulfilled' ? [] : [{ nevra, sha256, error: toAppError(result.reason) }];
  });
  const files = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (refused.length === 0) return files;
  await discardAll(files);
  return refuseBatch(refused, members.length);
}

/** Removes the names that were made for the commit. */
export async function discardAll(files: readonly PreparedFile[]): Promise<void> {
  for (const { discard } of files) await discard?.();
}

async function prepareFile(id: string, member: BatchMember, parts: BatchParts): Promise<PreparedFile> {
  const { batches, inspectionThreads, signing } = parts;
  const staged = memberToPlace(member, await batches.fileOf(id, member));
  if (signing === undefined) return { file: staged, member, discard: undefined };
  const { path, sizeBytes, signatures, targets } = staged;
  const inspected = await inspectPackage(
    { path, sizeBytes, sha256: undefined, expectedDigests: [] },
    inspectionThreads,
  );
  const stored = await chooseFile({ path, inspected, signatures }, targets, parts);
  await parts.places.prepare(stored.path);
  const file = toPlace(stored, targets);
  // A signature brings digests.
  const { warnings: _asSent, ...others } = member;
  const asStored = {
    ...others,
    ...findUploadWarnings(stored, targets, parts),
    sha256: file.sha256,
    sizeBytes: file.sizeBytes,
    signatures: Object.fromEntries(file.signatures),
    ...(file.receivedSha256 !== undefined && { receivedSha256: file.receivedSha256 }),
  };
  return {
    file,
    member:
      file.path === path
        ? asStored
        : { ...asStored, path: file.path, file: member.file.replace(/\.rpm$/, '.stored') },
    discard: stored.discard,
  };
}

/** Two packages of one batch that would have the same name. */
export function findClashes(files: readonly PreparedFile[]): readonly Refused[] {
  const first = new Map<string, FileToPlace>();
  const clashes: Refused[] = [];
  for (const { file } of files) {
    for (const { repository, location } of file.targets) {
      const name = `${repository}/${location}`;
      const other = first.get(name) ?? file;
      first.set(name, other);
      if (other.sha256 === file.sha256) continue;
      const { nevra } = file;
      const [sha256, otherSha256] = [file, other].map((one) => one.receivedSha256 ?? one.sha256);
      const detail = `${nevra} is in this batch twice for ${repository}, with other bytes: sha256 ${otherSha256} and ${sha256}`;
      const error = new AppError('PACKAGE_CONFLICT', detail, {
        hint: 'Drop the batch and send each package once.',
      });
      clashes.push({ nevra, sha256: sha256 ?? '', error });
      break;
    }
  }
  return clashes;
}
