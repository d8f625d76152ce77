import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

export interface DigestOptions {
  /** How many bytes at the beginning are not hashed. */
  readonly start?: number;
  /** Ends the hashing at once. */
  readonly signal?: AbortSignal;
}

/**
 * The digest of a file, in lower-case hex.
 * Rejects with an AbortError when the signal comes.
 */
export async function digestOfFile(
  path: string,
  algorithm = 'sha256',
  { start = 0, signal }: DigestOptions = {},
): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path, { start }), hash, { ...(signal !== undefined && { signal }) });
  return hash.digest('hex');
}
