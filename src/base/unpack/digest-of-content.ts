import { createHash } from 'node:crypto';
import { openMetadata } from './open-metadata.ts';

/** sha256 of a metadata file's uncompressed content, lower-case hex. @throws as openMetadata(). */
export async function digestOfContent(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of openMetadata(path)) hash.update(piece);
  return hash.digest('hex');
}
