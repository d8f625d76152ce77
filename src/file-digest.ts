import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** The digest of a file, or of what follows its first `start` bytes, in lower-case hex. */
export async function digestOfFile(path: string, algorithm = 'sha256', start = 0): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path, { start }), hash);
  return hash.digest('hex');
}
