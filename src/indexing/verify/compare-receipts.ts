import type { Receipt } from '../../storage/records.ts';
import type { PackageFindings } from './compare-with-index.ts';
import type { PrimaryPackage } from './package-metadata-reader.ts';
import type { FileOnDisk } from './stored-files.ts';
import type { Finding } from '../violation.ts';

/**
 * Compares what was acknowledged with the packages on disk and with the index. Differences between disk and index are
 * for comparePackages() to report, and not reported again.
 */
export function compareReceipts(
  receipts: readonly Receipt[],
  { files, indexed, isMarked }: PackageFindings,
): readonly Finding[] {
  const filesByLocation = new Map(files.map((file) => [file.location, file]));
  return receipts.flatMap((receipt) => {
    const file = filesByLocation.get(receipt.location);
    const described = indexed?.get(receipt.location);
    const finding =
      described === undefined
        ? compareWithFile(receipt, file)
        : compareWithDescription(receipt, { file, described, isMarked });
    return finding === undefined ? [] : [finding];
  });
}

function compareWithFile(
  { location, sizeBytes }: Receipt,
  file: FileOnDisk | undefined,
): Finding | undefined {
  if (file === undefined) {
    const detail = 'it was acknowledged, and there is no file';
    return { code: 'RECEIPT_WITHOUT_PACKAGE', subject: location, detail };
  }
  if (file.sizeBytes === sizeBytes) return undefined;
  const detail = `the file has ${file.sizeBytes} bytes, ${sizeBytes} were acknowledged`;
  return { code: 'PACKAGE_DAMAGED', subject: location, detail };
}

function compareWithDescription(
  receipt: Receipt,
  by: {
    readonly file: FileOnDisk | undefined;
    readonly described: PrimaryPackage;
    readonly isMarked: boolean;
  },
): Finding | undefined {
  const { location, sha256, publishedAtMs } = receipt;
  const { file, described, isMarked } = by;
  if (file === undefined) return undefined;
  if (file.sizeBytes !== receipt.sizeBytes) return compareWithFile(receipt, file);
  const { type, hex } = described.pkgid;
  if (type === 'sha256' && hex !== sha256) {
    const detail = `its sha256 in the index is ${hex}, ${sha256} was acknowledged`;
    return { code: 'RECEIPT_DISAGREES', subject: location, detail };
  }
  if (publishedAtMs !== undefined || isMarked) return compareWithFile(receipt, file);
  const detail = 'the index describes it, and its receipt does not know';
  return { code: 'RECEIPT_NOT_PUBLISHED', subject: location, detail };
}
