import { createHash, webcrypto } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PACKAGE_METADATA_TYPES } from '../../src/rpm/repodata/metadata-envelope.ts';
import { parseRepomd } from '../../src/rpm/repodata/repomd.ts';
import { type Cost, secondsOf } from './reindex-peer.ts';

/**
 * The least work of a program that publishes this metadata durably: it hashes the bytes, writes them to new files and
 * syncs those. It takes the files one after the other, then all at once; the faster way counts. The bytes are in memory
 * before the clock starts.
 * @param outputDir on the disk of the repository.
 */
export async function measureFloor(repositoryDir: string, outputDir: string): Promise<Cost> {
  const files = await readMetadataFiles(repositoryDir);
  await mkdir(outputDir, { recursive: true });
  const costs: Cost[] = [];
  for (const writeAll of [writeInTurn, writeAtOnce]) {
    const before = process.cpuUsage();
    const seconds = await secondsOf(() => writeAll(files, outputDir));
    const { user, system } = process.cpuUsage(before);
    costs.push({ seconds, cpuSeconds: (user + system) / 1e6, peakBytes: undefined });
    await rm(outputDir, { recursive: true });
    await mkdir(outputDir);
  }
  return costs.reduce((best, cost) => (cost.seconds < best.seconds ? cost : best));
}

async function readMetadataFiles(repositoryDir: string): Promise<readonly Uint8Array<ArrayBuffer>[]> {
  const repomd = parseRepomd(await readFile(join(repositoryDir, 'repodata', 'repomd.xml'), 'utf8'));
  const hrefs = repomd.data
    .filter(({ type }) => PACKAGE_METADATA_TYPES.some((wanted) => wanted === type))
    .map(({ href }) => href);
  return Promise.all(hrefs.map(async (href) => new Uint8Array(await readFile(join(repositoryDir, href)))));
}

/** Each is hashed on this thread while another one writes it. */
async function writeInTurn(files: readonly Uint8Array[], outputDir: string): Promise<void> {
  for (const [index, bytes] of files.entries()) {
    await using file = await open(join(outputDir, `in-turn-${index}`), 'wx');
    const writing = writeDurably(file, bytes);
    createHash('sha256').update(bytes).digest('hex');
    await writing;
  }
}

/** Hashed on threads as well. */
async function writeAtOnce(files: readonly Uint8Array<ArrayBuffer>[], outputDir: string): Promise<void> {
  await Promise.all(
    files.map(async (bytes, index) => {
      await using file = await open(join(outputDir, `at-once-${index}`), 'wx');
      await Promise.all([writeDurably(file, bytes), webcrypto.subtle.digest('SHA-256', bytes)]);
    }),
  );
}

async function writeDurably(file: FileHandle, bytes: Uint8Array): Promise<void> {
  await file.writeFile(bytes);
  await file.sync();
}
