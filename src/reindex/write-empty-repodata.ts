import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  closingTag,
  openingTag,
  PACKAGE_METADATA_TYPES,
  type PackageMetadataType,
} from '../repodata/metadata-envelope.ts';
import { type MetadataFile, renderRepomd } from '../repodata/repomd.ts';

/**
 * Writes the metadata of a repository without packages into `scratchDir/repodata`: clients remember a 404 for a
 * repository for hours, so it has an index from its first moment on.
 */
export async function writeEmptyRepodata(scratchDir: string, nowMs: number): Promise<void> {
  const directory = join(scratchDir, 'repodata');
  await mkdir(directory, { recursive: true });
  const timestampSeconds = Math.floor(nowMs / 1000);
  const files = await Promise.all(
    PACKAGE_METADATA_TYPES.map((type) => writeMetadata(scratchDir, type, timestampSeconds)),
  );
  const repomd = renderRepomd({ revision: String(timestampSeconds), files, carriedXml: [] });
  await writeFile(join(directory, 'repomd.xml'), repomd);
}

async function writeMetadata(
  scratchDir: string,
  type: PackageMetadataType,
  timestampSeconds: number,
): Promise<MetadataFile> {
  const open = Buffer.from(openingTag(type, 0) + closingTag(type));
  const packed = gzipSync(open);
  const sha256 = sha256Of(packed);
  const href = `repodata/${sha256}-${type}.xml.gz`;
  await writeFile(join(scratchDir, href), packed);
  return {
    type,
    href,
    sha256,
    sizeBytes: packed.length,
    openSizeBytes: open.length,
    timestampSeconds,
  };
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
