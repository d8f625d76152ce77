import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PACKAGE_METADATA_TYPES } from '../../../rpm/repodata/metadata-envelope.ts';
import { renderRepomd } from '../../../rpm/repodata/repomd.ts';
import type { IndexFormatName } from './index-format.ts';
import { type PackageGroup, type PerType, perType } from './package-group.ts';
import { type WrittenFile, writeIndexFile } from './write-index-file.ts';

/**
 * Writes a whole index into `outputDir/repodata`: primary, filelists, other, and repomd.xml, which names them.
 * @param groups in order of location; none for the index of a new repository, which has one from its first moment on,
 * since clients remember a 404 for hours.
 */
export async function writeIndex(
  groups: readonly PackageGroup[],
  {
    outputDir,
    format,
    nowMs,
  }: { readonly outputDir: string; readonly format: IndexFormatName; readonly nowMs: number },
): Promise<PerType<WrittenFile>> {
  await mkdir(join(outputDir, 'repodata'), { recursive: true });
  const packageCount = groups.reduce((sum, { packages }) => sum + packages.length, 0);
  const timestampSeconds = Math.floor(nowMs / 1000);
  const options = { outputDir, format, packageCount, timestampSeconds };
  const writing = perType((type) => writeIndexFile(type, groups, options));
  // A writer that fails must not leave the others writing.
  await Promise.allSettled(Object.values(writing));
  const { primary, filelists, other } = writing;
  const written = { primary: await primary, filelists: await filelists, other: await other };
  const files = PACKAGE_METADATA_TYPES.map((type) => written[type].file);
  const repomd = renderRepomd({ revision: String(timestampSeconds), files, carriedXml: [] });
  await writeFile(join(outputDir, 'repodata', 'repomd.xml'), repomd);
  return written;
}
