import { open } from 'node:fs/promises';
import { digestOfFile } from '../../base/files/file-digest.ts';
import { readStart } from '../../base/files/read-into.ts';
import type { Receipt } from '../../storage/records.ts';
import type { DigestAlgorithm } from '../../rpm/rpm-parser/digest-algorithm.ts';
import { gatherHeader } from '../../rpm/rpm-parser/gather-header.ts';
import { parseRpm } from '../../rpm/rpm-parser/parse-rpm.ts';
import { findWrongPayloadDigest } from '../../rpm/rpm-parser/payload-digests.ts';
import { verifyHeaderDigests } from '../../rpm/rpm-parser/verify-header-digests.ts';
import type { IndexedPackages } from './check-metadata.ts';
import { fileChecksum } from './file-checksum.ts';
import type { PrimaryPackage } from './package-metadata-reader.ts';
import type { FileOnDisk } from './stored-files.ts';
import type { Finding } from '../violation.ts';

/**
 * Reads every package: its digest is the one in the index and the acknowledged one, its header
 * parses, and its own digests are right. A file whose
 * size is wrong is left out: that is reported, and its digest could not be right.
 */
export async function* checkPackageBytes(
  files: readonly FileOnDisk[],
  stated: {
    readonly indexed: IndexedPackages | undefined;
    readonly receipts: readonly Receipt[];
    readonly signal: AbortSignal | undefined;
  },
): AsyncGenerator<Finding> {
  const receipts = new Map(stated.receipts.map((receipt) => [receipt.location, receipt]));
  for (const file of files) {
    const { location, sizeBytes } = file;
    const described = stated.indexed?.get(location);
    const receipt = receipts.get(location);
    const statedSizes = [described?.sizeBytes, receipt?.sizeBytes];
    if (statedSizes.some((size) => size !== undefined && size !== sizeBytes)) continue;
    const finding =
      (await findDamage(file, receipt, stated.signal)) ?? (await checkBytes(file, described, stated.signal));
    if (finding !== undefined) yield { ...finding, subject: location };
  }
}

/** Whether the file is the one that was acknowledged. */
async function findDamage(
  { path }: FileOnDisk,
  receipt: Receipt | undefined,
  signal: AbortSignal | undefined,
): Promise<Omit<Finding, 'subject'> | undefined> {
  if (receipt === undefined) return undefined;
  try {
    const found = await fileChecksum(path, 'sha256', signal);
    if (found === receipt.sha256) return undefined;
    return {
      code: 'PACKAGE_DAMAGED',
      detail: `the file's sha256 is ${found}, acknowledged was ${receipt.sha256}`,
    };
  } catch (error) {
    return unreadable(error, signal);
  }
}

async function checkBytes(
  { path, sizeBytes }: FileOnDisk,
  described: PrimaryPackage | undefined,
  signal: AbortSignal | undefined,
): Promise<Omit<Finding, 'subject'> | undefined> {
  signal?.throwIfAborted();
  try {
    if (described !== undefined) {
      const { type, hex } = described.pkgid;
      const found = await fileChecksum(path, type, signal);
      const detail = `the file's ${type} is ${found}, the index says ${hex}`;
      if (found !== hex) return { code: 'PACKAGE_DIGEST_WRONG', detail };
    }
    return await findOwnDamage(path, sizeBytes);
  } catch (error) {
    return unreadable(error, signal);
  }
}

/** @throws the signal's reason. */
function unreadable(error: unknown, signal: AbortSignal | undefined): Omit<Finding, 'subject'> {
  signal?.throwIfAborted();
  return { code: 'PACKAGE_UNREADABLE', detail: error instanceof Error ? error.message : String(error) };
}

/** Whether the package is what it says of itself: its header and its payload have digests of their own. */
async function findOwnDamage(path: string, sizeBytes: number): Promise<Omit<Finding, 'subject'> | undefined> {
  await using file = await open(path);
  const { bytes, extent } = gatherHeader(sizeBytes, (lengthBytes) => readStart(file.fd, lengthBytes));
  const rpm = parseRpm(bytes, sizeBytes);
  verifyHeaderDigests(bytes, rpm);
  const found = new Map<DigestAlgorithm, string>();
  for (const { algorithm } of rpm.digests.payload) {
    if (found.has(algorithm)) continue;
    found.set(algorithm, await digestOfFile(path, algorithm, { start: extent.payloadStart }));
  }
  const wrong = findWrongPayloadDigest(rpm.digests.payload, found);
  if (wrong === undefined) return undefined;
  const says = wrong.hex ?? `one that ${wrong.problem ?? 'rpm does not take'}`;
  const detail = `its payload has the ${wrong.algorithm} ${found.get(wrong.algorithm) ?? ''}, the package says ${says} (${wrong.tag})`;
  return { code: 'PACKAGE_UNREADABLE', detail };
}
