import { statSync } from 'node:fs';
import { AppError, toAppError } from '../../errors.ts';
import { digestContent, type InspectedPackage, inspectPackage } from '../inspect-package.ts';
import type { InspectionThreads } from '../inspection-threads.ts';
import type { Places } from '../../storage/places.ts';
import type { Target } from '../../storage/repository-layout.ts';
import type { BodyRoom } from '../body-room.ts';
import type { UploadStage } from '../upload-stage.ts';
import type { SignaturesByRepository } from '../../trust/check-package-signature.ts';
import type { SignatureVerdict } from '../../api/signature-verdict.ts';
import type { PackageSigner } from '../../trust/create-package-signer.ts';
import { formatNevra, type Nevra } from '../../rpm/nevra.ts';

/** The file that is stored for an upload: the one that was sent, or the same package with the service's signature. */
export interface StoredFile {
  readonly path: string;
  readonly inspected: InspectedPackage;
  readonly signatures: SignaturesByRepository;
  /** When it is not the file that was sent. */
  readonly receivedSha256?: string;
  /** Removes the file's name, when it is one of its own. */
  readonly discard?: () => Promise<void>;
}

export interface StoredFileParts {
  readonly places: Places;
  readonly inspectionThreads: InspectionThreads;
  readonly signing: PackageSigner;
  /** For the signed copy. */
  readonly bodyRoom: BodyRoom;
  readonly timed: <T>(stage: UploadStage, task: () => Promise<T>) => Promise<T>;
}

/**
 * The file to store for a package where the service signs packages: the file that is stored already, the sent one
 * itself when a key of the service signed it before, or a signed copy. It reads a receipt only to leave out a damaged file: a crash may
 * have come before the receipt was written.
 * @throws AppError PACKAGE_CONFLICT, PACKAGE_NOT_SIGNABLE, PACKAGE_SIGNING_FAILED, SIGNING_TOOL_*, STORAGE_FULL.
 */
export async function chooseSignedFile(
  asSent: StoredFile,
  targets: readonly Target[],
  parts: StoredFileParts,
): Promise<StoredFile> {
  const { places, inspectionThreads, signing } = parts;
  const unsigned = { path: asSent.path, ...asSent.inspected };
  const contentOf = (path: string): Promise<string | undefined> => digestContent(path, inspectionThreads);
  const content = await contentOf(unsigned.path);
  const isAltered = await Promise.all(targets.map((target) => places.isAltered(target)));
  const sound = targets.filter((_, index) => !isAltered[index]);
  const stored = await findSameContent(sound, content, { places, contentOf });
  if (stored !== undefined) return describeStored(stored, asSent, targets, parts);
  // Nothing is signed in vain, and the message has the digest that the client knows.
  const receivedSha256 = unsigned.sha256;
  const nevra = formatNevra(unsigned.nevra);
  await places.look({ ...unsigned, nevra, receivedSha256, targets });
  const { verdict, isOwn } = await signing.verify(unsigned);
  if (isOwn) return { ...asSent, signatures: eachSignature(asSent, () => verdict) };
  parts.bodyRoom.demandRoom(unsigned.sizeBytes);
  const { path, discard } = await parts.timed('sign', () => signing.sign(unsigned));
  try {
    const signed = await proveSigned({ path, content }, asSent, parts);
    return { ...signed, discard };
  } catch (error) {
    await discard();
    throw error;
  }
}

/**
 * The file of the first target that holds the same package: everything from the main header on is equal, with any signature.
 * A new signature of the same package would be another file, and a published path never gets other bytes.
 */
async function findSameContent(
  targets: readonly Target[],
  contentSha256: string | undefined,
  parts: {
    readonly places: Places;
    /** Of a package, without lead and signature header; undefined for what is no package. */
    readonly contentOf: (path: string) => Promise<string | undefined>;
  },
): Promise<string | undefined> {
  for (const target of targets) {
    const path = await parts.places.fileAt(target);
    if (path !== undefined && (await parts.contentOf(path)) === contentSha256) return path;
  }
  return undefined;
}

/** A file without a signature of ours, stored before packages were signed, goes to no repository that lacks it. */
async function describeStored(
  path: string,
  asSent: StoredFile,
  targets: readonly Target[],
  parts: StoredFileParts,
): Promise<StoredFile> {
  const { isOwn, ...stored } = await describeOwnFile(path, asSent, parts);
  const lacking = await findLacking(targets, parts.places);
  if (isOwn || lacking === undefined) return stored;
  const { nevra, sha256 } = stored.inspected;
  throw new AppError(
    'PACKAGE_CONFLICT',
    `${formatNevra(nevra)} is stored without a good signature of this service, and ${lacking.repository} would get the same file`,
    {
      hint: 'It was stored before packages were signed, and a published file never changes: raise the release number and build again.',
      details: { repository: lacking.repository, storedSha256: sha256, sentSha256: asSent.inspected.sha256 },
    },
  );
}

async function findLacking(targets: readonly Target[], places: Places): Promise<Target | undefined> {
  for (const target of targets) if (!(await places.has(target))) return target;
  return undefined;
}

/** rpmsign ended without an error, but only a verified signature counts. */
async function proveSigned(
  { path, content }: { readonly path: string; readonly content: string | undefined },
  asSent: StoredFile,
  parts: StoredFileParts,
): Promise<StoredFile> {
  const { nevra } = asSent.inspected;
  const { isOwn, ...signed } = await describeOwnFile(path, asSent, parts).catch((error: unknown) => {
    // The package was fine when it came: its sender is not to blame for what rpmsign made of it.
    throw toAppError(error).statusCode < 500 ? notProved(nevra, error) : error;
  });
  // A package that rpmsign left as it was may have a good signature of another key.
  const isChanged = signed.receivedSha256 !== undefined;
  if (isChanged && isOwn && (await digestContent(path, parts.inspectionThreads)) === content) return signed;
  throw notProved(nevra);
}

/**
 * Describes a stored or signed file with the content of the sent package, and its signature as the keys of
 * `signing.keys` judge it.
 */
async function describeOwnFile(
  path: string,
  asSent: StoredFile,
  { inspectionThreads, signing }: StoredFileParts,
): Promise<StoredFile & { readonly isOwn: boolean }> {
  const { sha256: receivedSha256 } = asSent.inspected;
  const file = { path, sizeBytes: statSync(path).size, sha256: undefined, expectedDigests: [] };
  const inspected = await inspectPackage(file, inspectionThreads);
  const { verdict, isOwn } = await signing.verify({ path, ...inspected });
  if (inspected.sha256 === receivedSha256) {
    return { ...asSent, path, isOwn, ...(isOwn && { signatures: eachSignature(asSent, () => verdict) }) };
  }
  const signatures = eachSignature(asSent, (received) => ({ ...verdict, received }));
  return { path, inspected, signatures, receivedSha256, isOwn };
}

function eachSignature(
  { signatures }: StoredFile,
  change: (received: SignatureVerdict) => SignatureVerdict,
): SignaturesByRepository {
  return new Map([...signatures].map(([repository, received]) => [repository, change(received)]));
}

function notProved(nevra: Nevra, cause?: unknown): AppError {
  return new AppError(
    'PACKAGE_SIGNING_FAILED',
    `rpmsign did not give ${formatNevra(nevra)} a good signature`,
    {
      hint: 'Nothing was stored. Try rpmsign and "rpmkeys -Kv" on the server by hand.',
      cause,
    },
  );
}
