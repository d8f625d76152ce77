import { createHash } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, zstdCompressSync } from 'node:zlib';
import { execa } from 'execa';
import { readRepomd } from '../../src/storage/read-repomd.ts';

/** Runs createrepo_c in place, with gzip and without databases unless the arguments say otherwise. */
export async function runCreaterepo(repositoryDir: string, ...args: readonly string[]): Promise<void> {
  const hasDatabase = args.includes('--database');
  const options = [...(hasDatabase ? [] : ['--no-database']), '--general-compress-type=gz'];
  await execa('createrepo_c', ['--quiet', ...options, ...args, repositoryDir], {
    env: { LC_ALL: 'C.UTF-8' },
    stdin: 'ignore',
  });
}

/** Adds a file to the published metadata, as release managers do. */
export async function modifyRepo(repositoryDir: string, type: string, path: string): Promise<void> {
  await execa('modifyrepo_c', [`--mdtype=${type}`, path, join(repositoryDir, 'repodata')], {
    stdin: 'ignore',
  });
}

/** Has repomd.xml name the same metadata compressed with zstd, as newer versions of createrepo_c write it. */
export async function recompressWithZstd(repositoryDir: string): Promise<void> {
  await rewriteMetadata(repositoryDir, '.zst', (bytes) => zstdCompressSync(gunzipSync(bytes)));
}

/**
 * Puts other bytes in the place of primary, filelists and other, with the checksum and size that belong to them.
 * @param ending of the new names, in place of `.gz`.
 */
export async function rewriteMetadata(
  repositoryDir: string,
  ending: string,
  rewrite: (bytes: Buffer, type: string) => Buffer,
): Promise<void> {
  const read = await readRepomd(repositoryDir);
  if (read === undefined) throw new Error('expected a repomd.xml');
  let { xml } = read;
  for (const { type, href, checksum } of read.repomd.data) {
    if (!['primary', 'filelists', 'other'].includes(type)) continue;
    const former = await readFile(join(repositoryDir, href));
    const bytes = rewrite(former, type);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const newHref = `repodata/${sha256}-${type}.xml${ending}`;
    await rm(join(repositoryDir, href));
    await writeFile(join(repositoryDir, newHref), bytes);
    xml = xml
      .replaceAll(checksum.hex, sha256)
      .replaceAll(href, newHref)
      .replaceAll(`repodata/${sha256}-${type}.xml.gz`, newHref)
      .replaceAll(`<size>${former.length}</size>`, `<size>${bytes.length}</size>`);
  }
  const path = join(repositoryDir, 'repodata', 'repomd.xml');
  await writeFile(`${path}.new`, xml);
  await rename(`${path}.new`, path);
}
