import { chmod, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectoryDurable, syncDirectory, syncFile } from '../durable-files.ts';
import { AppError } from '../errors.ts';
import { parseRepomd, type Repomd, withCarriedData } from '../repodata/repomd.ts';
import { isCarried } from './foreign-metadata.ts';
import { readRepomd, readSoundRepomd } from './read-metadata.ts';

const METADATA_MODE = 0o644;

/**
 * Makes new metadata public in one step: its files, whose names carry their checksums, are moved in and synced first,
 * then repomd.xml is renamed over the old one. Old files stay, so a client sees the old index or the new one, whole.
 * @param scratchDir holds `repodata/` on the same mount as the repository.
 * @returns the repomd.xml that is public now.
 */
export async function publishRepodata(repositoryDir: string, scratchDir: string): Promise<Repomd> {
  const newDir = join(scratchDir, 'repodata');
  const publicDir = join(repositoryDir, 'repodata');
  await makeDirectoryDurable(publicDir);
  const names = (await readdir(newDir)).filter((name) => name !== 'repomd.xml');
  // Together, so that the disk writes them in one go.
  await Promise.all(names.map((name) => moveIn(join(newDir, name), join(publicDir, name))));
  await syncDirectory(publicDir);

  const xml = await newRepomdXml(repositoryDir, scratchDir);
  const newRepomd = join(newDir, 'repomd.xml');
  await writeFile(newRepomd, xml);
  await chmod(newRepomd, METADATA_MODE);
  await syncFile(newRepomd);
  await rename(newRepomd, join(publicDir, 'repomd.xml'));
  await syncDirectory(publicDir);
  return parseRepomd(xml);
}

async function moveIn(path: string, publicPath: string): Promise<void> {
  await chmod(path, METADATA_MODE);
  await syncFile(path);
  // Over a file of that name: its checksum says that it has the same bytes, unless it was damaged.
  await rename(path, publicPath);
}

/** The engine's repomd.xml, with what others put into the public one: comps, updateinfo, modules, ... */
async function newRepomdXml(repositoryDir: string, scratchDir: string): Promise<string> {
  const fresh = await readRepomd(scratchDir);
  if (fresh === undefined) {
    throw new AppError('INDEX_FAILED', 'the engine wrote no repomd.xml', {
      hint: 'The former index stays and the run is tried again.',
    });
  }
  const freshTypes = new Set(fresh.repomd.data.map(({ type }) => type));
  const former = (await readSoundRepomd(repositoryDir))?.data ?? [];
  const carried = former.filter(({ type }) => isCarried(type, freshTypes));
  return withCarriedData(
    fresh.xml,
    carried.map(({ xml }) => xml),
  );
}
