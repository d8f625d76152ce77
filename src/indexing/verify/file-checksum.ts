import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { findAlgorithm } from '../../rpm/repodata/checksum-types.ts';

/** A checksum as metadata gives it. */
export interface Checksum {
  /** `sha256`, `sha512`, `sha`, ... */
  readonly type: string;
  readonly hex: string;
}

/** @throws Error for a type that no client knows. */
export function createChecksum(type: string): Hash {
  const algorithm = findAlgorithm(type);
  if (algorithm === undefined) throw new Error(`${type} is no known type of checksum`);
  return createHash(algorithm);
}

/** Lower-case hex. @throws Error for an unknown type; the error of the file system; the signal's reason. */
export async function fileChecksum(path: string, type: string, signal?: AbortSignal): Promise<string> {
  const hash = createChecksum(type);
  await pipeline(createReadStream(path), hash, signal === undefined ? {} : { signal });
  return hash.digest('hex');
}
