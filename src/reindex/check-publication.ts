import { join } from 'node:path';
import { parseRepomd } from '../repodata/repomd.ts';
import { isSameTags } from '../repodata/repomd-tags.ts';
import { readIfThere } from '../read-if-there.ts';
import { generationName, MIRRORLIST } from '../repodata-names.ts';
import { listGenerations, renderMirrorlist } from './generations.ts';
import type { Publication } from './publish-repodata.ts';

/**
 * Whether what is public is what publishing leaves, under the configuration of today: the newest generation is the one
 * in repomd.xml and in the mirrorlist, and signed by the key that signs now, or not at all. A crash in the middle, a
 * change of the key, of the tags or of the public URL, and an edit by hand show here; the remedy is to publish again.
 */
export async function isPublicationWhole(
  repositoryDir: string,
  { url, signer, tags }: Pick<Publication, 'url' | 'signer' | 'tags'>,
): Promise<boolean> {
  const newest = (await listGenerations(repositoryDir)).at(-1);
  if (newest === undefined) return false;
  const publicDir = join(repositoryDir, 'repodata');
  const generationDir = join(publicDir, generationName(newest));
  const [xml, signature, sameXml, sameSignature, mirrorlist] = await Promise.all(
    [
      join(publicDir, 'repomd.xml'),
      join(publicDir, 'repomd.xml.asc'),
      join(generationDir, 'repomd.xml'),
      join(generationDir, 'repomd.xml.asc'),
      join(repositoryDir, MIRRORLIST),
    ].map(readIfThere),
  );
  if (xml === undefined || xml !== sameXml || signature !== sameSignature) return false;
  if (mirrorlist !== renderMirrorlist(url, newest)) return false;
  if (tags !== undefined && !isSameTags(parseRepomd(xml).tags, tags)) return false;
  if (signer === undefined) return signature === undefined;
  if (signature === undefined) return false;
  // What keeps it from looking keeps it from signing too: the run says it.
  return signer.isSignedNow(xml, signature).catch(() => false);
}
