import { demand } from '../../trust/requester.ts';
import { inspectPackage } from '../inspect-package.ts';
import { findReceipt } from '../../storage/find-receipt.ts';
import type { Target } from '../../storage/repository-layout.ts';
import type { SpooledUpload } from '../spooled-upload.ts';
import type { SignaturesByRepository } from '../../trust/check-package-signature.ts';
import type { SignatureVerdict } from '../../api/signature-verdict.ts';
import type { IngestParts } from '../ingest-parts.ts';
import type { StoredFile } from './choose-signed-file.ts';
import type { RepositoryName } from '../../rpm/repository-name.ts';

/** An upload that no rule forbids; what the tree has is not considered yet. */
export interface AdmittedUpload {
  readonly targets: readonly Target[];
  readonly asSent: StoredFile;
}

/** @throws AppError with the code of the rule that refused the package. */
export async function admitUpload(upload: SpooledUpload, parts: IngestParts): Promise<AdmittedUpload> {
  const { path } = upload;
  const inspected = await parts.timed('inspect', () => inspectPackage(upload, parts.inspectionThreads));
  parts.checkDescribable(inspected.rpm);
  const targets = parts.layout.targetsOf(inspected.rpm, upload.releasever, upload.basearches);
  const repositories = targets.map(({ repository }) => repository);
  for (const repository of repositories) demand(upload.requester, { right: 'upload', in: { repository } });
  const signatures =
    (await findStoredVerdicts(inspected.sha256, targets, parts)) ??
    (await parts.timed('signature', () => parts.checkSignature({ path, ...inspected }, repositories)));
  return { targets, asSent: { path, inspected, signatures } };
}

/**
 * The verdicts on a package that each of its repositories has already, byte for byte: sending it again changes nothing,
 * so no rule has to be kept. Undefined when one of them lacks it.
 */
async function findStoredVerdicts(
  sha256: string,
  targets: readonly Target[],
  { places, records }: IngestParts,
): Promise<SignaturesByRepository | undefined> {
  // For a new package the records need not be read.
  for (const target of targets) if (!(await places.has(target))) return undefined;
  const verdicts = new Map<RepositoryName, SignatureVerdict>();
  for (const target of targets) {
    const receipt = await findReceipt(sha256, target, records);
    if (receipt === undefined) return undefined;
    verdicts.set(target.repository, receipt.signature ?? { state: 'unchecked' });
  }
  return verdicts;
}
