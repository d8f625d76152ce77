import { join } from 'node:path';
import { parseRepomd } from '../../rpm/repodata/repomd.ts';
import { isSameTags } from '../../rpm/repodata/repomd-tags.ts';
import { readIfThere } from '../../base/files/read-if-there.ts';
import { generationName, MIRRORLIST, REPOMD_FILES } from '../../rpm/repodata-names.ts';
import { listGenerations, renderMirrorlist } from '../generations.ts';
import type { Publication } from '../publications.ts';

/**
 * Whether the public files are those that publishing would leave, under the present configuration: the newest
 * generation is the one in repomd.xml and in the mirrorlist, and signed by the present key with the public keys beside
 * it, or not at all. A crash in the middle, a change of the keys, of the tags or of the public URL, and an edit by hand
 * show here; the remedy is to publish again.
 */
export async function isPublicationWhole(
  repositoryDir: string,
  { url, signer, tags }: Pick<Publication, 'url' | 'signer' | 'tags'>,
): Promise<boolean> {
  const newest = (await listGenerations(repositoryDir)).at(-1);
  if (newest === undefined) return false;
  const publicDir = join(repositoryDir, 'repodata');
  const generationDir = join(publicDir, generationName(newest));
  const published = await readAll(publicDir);
  const generation = await readAll(generationDir);
  const [xml, signature, key] = published;
  if (xml === undefined || published.some((text, index) => text !== generation[index])) return false;
  if ((await readIfThere(join(repositoryDir, MIRRORLIST))) !== renderMirrorlist(url, newest)) return false;
  if (tags !== undefined && !isSameTags(parseRepomd(xml).tags, tags)) return false;
  if (signer === undefined) return signature === undefined && key === undefined;
  if (signature === undefined || key === undefined) return false;
  try {
    return (await signer.isSignedNow(xml, signature)) && key === (await signer.publicKeys());
  } catch {
    // A fault that keeps it from checking a signature keeps it from signing too: the run reports it.
    return false;
  }
}

/** In the order of REPOMD_FILES; undefined for what is not there. */
function readAll(directory: string): Promise<readonly (string | undefined)[]> {
  return Promise.all(REPOMD_FILES.map((name) => readIfThere(join(directory, name))));
}
