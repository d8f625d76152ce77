import { statSync } from 'node:fs';
import { AppError } from './errors.ts';
import { digestContent, type InspectedPackage, inspectPackage } from './inspect/inspect-package.ts';
import type { InspectionThreads } from './inspect/inspection-threads.ts';
import type { PackageStore } from './place/package-store.ts';
import { findSameContent, lookAtTargets, type StoredFacts } from './place/place-package.ts';
import type { Target } from './place/repository-layout.ts';
import type { UploadStage } from './serve/metrics.ts';
import type { SignaturesByRepository } from './signing/check-package-signature.ts';
import type { PackageSignature } from './signing/package-signature.ts';
import type { PackageSigning } from './signing/package-signing.ts';

/** The file that is stored of an upload: the one that was sent, or the same package with our signature. */
export interface StoredForm {
  readonly path: string;
  readonly inspected: InspectedPackage;
  readonly signatures: SignaturesByRepository;
  /** When it is not the file that was sent. */
  readonly receivedSha256?: string;
  /** Removes the file's name, when it is one of its own. */
  readonly discard?: () => Promise<void>;
}

export interface SignedFormParts {
  readonly store: PackageStore;
  readonly storedFacts: StoredFacts;
  readonly inspectionThreads: InspectionThreads;
  readonly signing: PackageSigning;
  readonly timed: <T>(stage: UploadStage, task: () => Promise<T>) => Promise<T>;
}

/**
 * What is stored of a package where packages are signed: the file that is stored of it already, itself when a key of
 * ours signed it before, or a signed copy. No record is asked: a crash may have come before it was written.
 * @throws AppError PACKAGE_CONFLICT, PACKAGE_NOT_SIGNABLE, PACKAGE_SIGNING_FAILED, SIGNING_TOOL_*.
 */
export async function signedForm(
  asSent: StoredForm,
  targets: readonly Target[],
  parts: SignedFormParts,
): Promise<StoredForm> {
  const { store, storedFacts, inspectionThreads, signing } = parts;
  const unsigned = { path: asSent.path, ...asSent.inspected };
  const contentOf = (path: string): Promise<string | undefined> => digestContent(path, inspectionThreads);
  const content = await contentOf(unsigned.path);
  const stored = await findSameContent(targets, content, contentOf);
  if (stored !== undefined) return ownForm(stored, asSent, parts);
  // Nothing is signed in vain, and the message has the digest that the client knows.
  await lookAtTargets({ ...unsigned, targets }, storedFacts, store);
  const own = await signing.verify(unsigned);
  if (own.state === 'good') return { ...asSent, signatures: eachSignature(asSent, () => own) };
  const { path, discard } = await parts.timed('sign', () => signing.sign(unsigned));
  try {
    const form = await ownForm(path, asSent, parts);
    // rpmsign ended well, but only what is proved counts.
    const isGood = [...form.signatures.values()].every(({ state }) => state === 'good');
    if (!isGood || (await contentOf(path)) !== content) throw notProved(form);
    return { ...form, discard };
  } catch (error) {
    await discard();
    throw error;
  }
}

/** Describes a file of ours with the content of what was sent, its signature as our own keys see it. */
async function ownForm(
  path: string,
  asSent: StoredForm,
  { inspectionThreads, signing }: SignedFormParts,
): Promise<StoredForm> {
  const { sha256: receivedSha256 } = asSent.inspected;
  const file = { path, sizeBytes: statSync(path).size, sha256: undefined, expectedDigests: [] };
  const inspected = await inspectPackage(file, inspectionThreads);
  if (inspected.sha256 === receivedSha256) return { ...asSent, path };
  const own = await signing.verify({ path, ...inspected });
  const signatures = eachSignature(asSent, (received) => ({ ...own, received }));
  return { path, inspected, signatures, receivedSha256 };
}

function eachSignature(
  { signatures }: StoredForm,
  change: (received: PackageSignature) => PackageSignature,
): SignaturesByRepository {
  return new Map([...signatures].map(([repository, received]) => [repository, change(received)]));
}

function notProved({ inspected: { nevra } }: StoredForm): AppError {
  return new AppError('PACKAGE_SIGNING_FAILED', `rpmsign did not give ${nevra} a good signature`, {
    hint: 'Nothing was stored. Try rpmsign and "rpmkeys -Kv" on the server by hand.',
  });
}
