import { join } from 'node:path';
import { digestOfFile } from '../../base/files/file-digest.ts';
import { findAlgorithm } from '../../rpm/repodata/checksum-types.ts';
import type { PackageMetadataType } from '../../rpm/repodata/metadata-envelope.ts';
import { PackageScanner, type ScannedPackage } from '../../rpm/repodata/package-scanner.ts';
import type { Repomd } from '../../rpm/repodata/repomd.ts';
import { openMetadata } from '../../base/unpack/open-metadata.ts';

/**
 * Every package of a published primary, filelists or other that is as repomd.xml says, in groups as they are read.
 * @param checkStart looks at the first piece of the text.
 * @throws Error when there is none or it is damaged; AppError as openMetadata().
 */
export async function* scanPublished(
  type: PackageMetadataType,
  { repositoryDir, published }: { readonly repositoryDir: string; readonly published: Repomd },
  checkStart: (start: Uint8Array) => void = () => undefined,
): AsyncGenerator<readonly ScannedPackage[]> {
  const data = published.data.find((one) => one.type === type);
  const algorithm = data && findAlgorithm(data.checksum.type);
  if (data === undefined || algorithm === undefined) throw new Error(`no ${type} with a known checksum`);
  const path = join(repositoryDir, data.href);
  if ((await digestOfFile(path, algorithm)) !== data.checksum.hex.toLowerCase()) {
    throw new Error(`${path} is damaged`);
  }
  const scanner = new PackageScanner();
  let isFirst = true;
  for await (const piece of openMetadata(path)) {
    if (isFirst) checkStart(piece);
    isFirst = false;
    yield scanner.push(piece);
  }
}
