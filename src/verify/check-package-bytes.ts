import { type FileHandle, open } from 'node:fs/promises';
import type { Receipt } from '../records/records.ts';
import { measureHeader } from '../rpm-parser/measure-header.ts';
import { parseRpm } from '../rpm-parser/parse-rpm.ts';
import type { IndexedPackages } from './check-metadata.ts';
import { type Checksum, fileChecksum } from './file-checksum.ts';
import type { PrimaryPackage } from './package-metadata-reader.ts';
import type { StoredFile } from './stored-files.ts';
import type { Finding } from './violation.ts';

// Most headers fit.
const FIRST_READ_BYTES = 64 * 1024;

/**
 * Reads every package: its digest is the one in the index and the acknowledged one, and its header parses. A file whose
 * size is wrong is left out: that is reported, and its digest could not be right.
 */
export async function* checkPackageBytes(
  files: readonly StoredFile[],
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
    const finding = await checkBytes(file, expectedChecksums(described, receipt), stated.signal);
    if (finding !== undefined) yield { ...finding, subject: location };
  }
}

/** That of the index, and the acknowledged one when it is of another type: else the two were compared already. */
function expectedChecksums(
  described: PrimaryPackage | undefined,
  receipt: Receipt | undefined,
): readonly Checksum[] {
  const pkgid = described?.pkgid;
  return [
    ...(pkgid === undefined ? [] : [pkgid]),
    ...(receipt === undefined || pkgid?.type === 'sha256' ? [] : [{ type: 'sha256', hex: receipt.sha256 }]),
  ];
}

async function checkBytes(
  { path, sizeBytes }: StoredFile,
  expected: readonly Checksum[],
  signal: AbortSignal | undefined,
): Promise<Omit<Finding, 'subject'> | undefined> {
  signal?.throwIfAborted();
  try {
    for (const { type, hex } of expected) {
      const found = await fileChecksum(path, type, signal);
      if (found === hex) continue;
      return { code: 'PACKAGE_DIGEST_WRONG', detail: `the file's ${type} is ${found}, expected is ${hex}` };
    }
    await using file = await open(path);
    parseRpm(await readHeader(file, sizeBytes), sizeBytes);
    return undefined;
  } catch (error) {
    signal?.throwIfAborted();
    return { code: 'PACKAGE_UNREADABLE', detail: error instanceof Error ? error.message : String(error) };
  }
}

async function readHeader(file: FileHandle, sizeBytes: number): Promise<Buffer> {
  let neededBytes = Math.min(FIRST_READ_BYTES, sizeBytes);
  for (;;) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(neededBytes), 0, neededBytes, 0);
    const bytes = buffer.subarray(0, bytesRead);
    const extent = measureHeader(bytes, sizeBytes);
    if (extent.isComplete) return bytes;
    if (bytesRead < neededBytes) throw new Error(`the file ends at byte ${bytesRead}`);
    // measureHeader asks for bytes inside the file only, and for more than it was given.
    neededBytes = extent.neededBytes;
  }
}
