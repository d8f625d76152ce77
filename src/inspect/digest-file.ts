import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { DigestAlgorithm } from '../rpm-parser/digest-algorithm.ts';

/** Which digests of a file to compute besides those that are known. */
export interface DigestsNeeded {
  /** The file's sha256 when it is known already. */
  readonly sha256: string | undefined;
  readonly isSha512Needed: boolean;
  /** Over the bytes after the main header. */
  readonly payload: DigestAlgorithm | undefined;
  /** Over main header and payload, as rpm before 4.14 checked it. */
  readonly isHeaderAndPayloadMd5Needed: boolean;
}

/** Lower-case hex digests. */
export interface FileDigests {
  readonly sha256: string;
  readonly sha512: string | undefined;
  readonly payload: string | undefined;
  readonly headerAndPayloadMd5: string | undefined;
}

// Large enough that a call costs little beside its hashing (0.7 ms), small enough that other requests get their turn.
const CHUNK_BYTES = 1024 * 1024;

/** Reads on where `firstBytes` end and computes every needed digest in that one pass. */
export async function digestFile(
  file: FileHandle,
  options: {
    readonly firstBytes: Uint8Array;
    readonly extent: { readonly headerStart: number; readonly payloadStart: number };
    readonly needed: DigestsNeeded;
    readonly sizeBytes: number;
  },
): Promise<FileDigests> {
  const { firstBytes, extent, needed, sizeBytes } = options;
  const sha256 = needed.sha256 === undefined ? createHash('sha256') : undefined;
  const sha512 = needed.isSha512Needed ? createHash('sha512') : undefined;
  const payload = needed.payload === undefined ? undefined : createHash(needed.payload);
  const md5 = needed.isHeaderAndPayloadMd5Needed ? createHash('md5') : undefined;

  const update = (chunk: Uint8Array, position: number): void => {
    updateFrom(sha256, chunk, position, 0);
    updateFrom(sha512, chunk, position, 0);
    updateFrom(payload, chunk, position, extent.payloadStart);
    updateFrom(md5, chunk, position, extent.headerStart);
  };

  update(firstBytes, 0);
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, sizeBytes - firstBytes.length));
  for (let position = firstBytes.length; position < sizeBytes; ) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) break;
    update(buffer.subarray(0, bytesRead), position);
    position += bytesRead;
  }
  return {
    sha256: needed.sha256 ?? sha256?.digest('hex') ?? '',
    sha512: sha512?.digest('hex'),
    payload: payload?.digest('hex'),
    headerAndPayloadMd5: md5?.digest('hex'),
  };
}

/** Hashes the part of a chunk at `position` that lies at or after `start`. */
function updateFrom(hash: Hash | undefined, chunk: Uint8Array, position: number, start: number): void {
  const skip = Math.max(0, start - position);
  if (hash === undefined || skip >= chunk.length) return;
  hash.update(skip === 0 ? chunk : chunk.subarray(skip));
}
