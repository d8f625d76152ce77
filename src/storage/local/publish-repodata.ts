import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  makeDirectoryDurable,
  syncDirectory,
  syncFile,
  writeDurable,
} from '../../base/files/durable-files.ts';
import { AppError } from '../../errors.ts';
import { generationName, MIRRORLIST } from '../../rpm/repodata-names.ts';
import {
  parseRepomd,
  raiseRepomd,
  type Repomd,
  withCarriedData,
  withTags,
} from '../../rpm/repodata/repomd.ts';
import { hasTags, NO_TAGS } from '../../rpm/repodata/repomd-tags.ts';
import { isCarried } from '../../rpm/foreign-types.ts';
import {
  type FormerPublications,
  pickLatest,
  nextRevision,
  readFormerPublications,
} from '../former-publications.ts';
import { nextGeneration, renderMirrorlist } from '../generations.ts';
import type { Publication } from '../publications.ts';
import { readRepomd, readSoundRepomd } from '../read-repomd.ts';

const METADATA_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

/**
 * Makes new metadata public. Its files, whose names carry their checksums, are moved in and synced first; then the new
 * generation is put beside them, then repomd.xml and its signature are renamed over the old ones, and last the
 * mirrorlist, which leads clients to the generation. Old files and generations stay, so a client sees the old index or
 * the new one, whole; only a client of the plain URL can meet a signature and a repomd.xml that do not fit. All
 * replaced files are dated with the generation's number, a second that no other publication has: tools that copy a file
 * only when its size or its second has changed (rsync, wget -N, If-Modified-Since) miss none.
 * @param scratchDir holds `repodata/` on the same mount as the repository.
 * @returns the repomd.xml that is public now.
 * @throws AppError SIGNING_FAILED before anything is moved.
 */
export async function publishRepodata(
  repositoryDir: string,
  scratchDir: string,
  publication: Publication,
): Promise<Repomd> {
  const { url, signer, now, signal } = publication;
  const newDir = join(scratchDir, 'repodata');
  const publicDir = join(repositoryDir, 'repodata');
  const names = (await readdir(newDir)).filter((name) => name !== 'repomd.xml');
  const former = pickLatest(publication.adoptedAge, await readFormerPublications(repositoryDir));
  const xml = await newRepomdXml(repositoryDir, scratchDir, { ...publication, former });
  // zypper looks for the key beside the signature.
  const signed =
    signer === undefined
      ? undefined
      : { 'repomd.xml.asc': await signer.sign(xml, signal), 'repomd.xml.key': await signer.publicKeys() };

  await makeDirectoryDurable(publicDir);
  // After it was signed, which may take its time: later than any moment at which a client could read the former one.
  const generation = nextGeneration(former.lastSecond, now());
  const newGeneration = join(scratchDir, 'generation');
  await mkdir(newGeneration);
  await chmod(newGeneration, DIRECTORY_MODE);
  const texts = new Map([[join(scratchDir, MIRRORLIST), renderMirrorlist(url, generation)]]);
  for (const directory of [newDir, newGeneration]) {
    texts.set(join(directory, 'repomd.xml'), xml);
    for (const [name, text] of Object.entries(signed ?? {})) texts.set(join(directory, name), text);
  }
  // All together, so that the disk writes them in one go.
  await Promise.all([
    ...names.map((name) => moveIn(join(newDir, name), join(publicDir, name))),
    ...[...texts].map(([path, text]) => writeDurable(path, text, generation)),
  ]);
  await syncDirectory(newGeneration);
  await rename(newGeneration, join(publicDir, generationName(generation)));
  await syncDirectory(publicDir);

  // The key first: it must be there when a client meets the first signature that it made.
  const ofSignature = ['repomd.xml.key', 'repomd.xml.asc'];
  if (signed !== undefined) {
    for (const name of ofSignature) await rename(join(newDir, name), join(publicDir, name));
  }
  await rename(join(newDir, 'repomd.xml'), join(publicDir, 'repomd.xml'));
  if (signed === undefined) {
    for (const name of ofSignature) await rm(join(publicDir, name), { force: true });
  }
  await syncDirectory(publicDir);

  await rename(join(scratchDir, MIRRORLIST), join(repositoryDir, MIRRORLIST));
  await syncDirectory(repositoryDir);
  return parseRepomd(xml);
}

async function moveIn(path: string, publicPath: string): Promise<void> {
  await chmod(path, METADATA_MODE);
  await syncFile(path);
  // Over a file of that name: its checksum says that it has the same bytes, unless it was damaged.
  await rename(path, publicPath);
}

/**
 * The engine's repomd.xml, with the elements of other programs in the public one: comps, updateinfo, modules, ...
 * Neither its revision nor the latest of its timestamps goes back.
 */
async function newRepomdXml(
  repositoryDir: string,
  scratchDir: string,
  { former, now, tags, endedTypes = new Set() }: Publication & { readonly former: FormerPublications },
): Promise<string> {
  const fresh = await readRepomd(scratchDir);
  if (fresh === undefined) {
    throw new AppError('INDEX_FAILED', 'the engine wrote no repomd.xml', {
      hint: 'The former index stays and the run is tried again.',
    });
  }
  const published = await readSoundRepomd(repositoryDir);
  const ended = new Set([...endedTypes, ...fresh.repomd.data.map(({ type }) => type)]);
  const carried = (published?.data ?? []).filter(({ type }) => isCarried(type, ended));
  const own = hasTags(fresh.repomd.tags) ? fresh.repomd.tags : published?.tags;
  const raised = raiseRepomd(fresh.xml, {
    revision: nextRevision(former, now()),
    timestampSeconds: former.lastTimestampSeconds,
  });
  return withCarriedData(
    withTags(raised, tags ?? own ?? NO_TAGS),
    carried.map(({ xml }) => xml),
  );
}
