import { createHash } from 'node:crypto';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { closingTag, openingTag, type PackageMetadataType } from '../../rpm/repodata/metadata-envelope.ts';
import { type MetadataFile, renderRepomd } from '../../rpm/repodata/repomd.ts';
import { type PackageGroup, perType } from '../engines/incremental/package-group.ts';
import { createKeptTextReader } from './read-kept-text.ts';

/**
 * Writes metadata that createrepo_c reads, `repodata/` with repomd.xml and uncompressed files.
 * @param groups with a single package each, whose texts are plain.
 */
export async function writePlainMetadata(groups: readonly PackageGroup[], directory: string): Promise<void> {
  await mkdir(join(directory, 'repodata'), { recursive: true });
  const files = perType((type) => writeOne(type, groups, directory));
  const written = [await files.primary, await files.filelists, await files.other];
  const repomd = renderRepomd({ revision: '0', files: written, carriedXml: [] });
  await writeFile(join(directory, 'repodata', 'repomd.xml'), repomd);
}

async function writeOne(
  type: PackageMetadataType,
  groups: readonly PackageGroup[],
  directory: string,
): Promise<MetadataFile> {
  const href = `repodata/${type}.xml`;
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const reader = createKeptTextReader();
  await using file = await open(join(directory, href), 'w');
  const write = async (bytes: Uint8Array): Promise<void> => {
    hash.update(bytes);
    sizeBytes += bytes.length;
    await file.writeFile(bytes);
  };
  try {
    await write(Buffer.from(openingTag(type, groups.length)));
    for (const group of groups) await write(reader.read(group, 0)[type]);
    await write(Buffer.from(closingTag(type)));
  } finally {
    reader.close();
  }
  const sha256 = hash.digest('hex');
  return { type, href, sha256, sizeBytes, openSizeBytes: sizeBytes, timestampSeconds: 0 };
}
