import { createHash, type Hash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { openToRead } from '../../base/files/open-to-read.ts';
import type { DigestAlgorithm } from '../../rpm/rpm-parser/digest-algorithm.ts';

/** Which digests of a file to compute. Plain data: it may travel to a worker thread. */
export interface DigestJob {
  readonly path: string;
  readonly sizeBytes: number;
  readonly headerStart: number;
  readonly payloadStart: number;
  /** The file's sha256 when it is known already. */
  readonly sha256: string | undefined;
  readonly isSha512Needed: boolean;
  /** Over the bytes after the main header. */
  readonly payload: readonly DigestAlgorithm[];
  /** Over main header and payload, the only digest before rpm 4.14 and still checked. */
  readonly isHeaderAndPayloadMd5Needed: boolean;
}

/** Lower-case hex digests. */
export interface FileDigests {
  readonly sha256: string;
  readonly sha512: string | undefined;
  readonly payload: ReadonlyMap<DigestAlgorithm, string>;
  readonly headerAndPayloadMd5: string | undefined;
}

const CHUNK_BYTES = 1024 * 1024;

/** Reads the file once and computes every digest of the job in that pass. */
export function digestFile(job: DigestJob): FileDigests {
  const sha256 = job.sha256 === undefined ? createHash('sha256') : undefined;
  const sha512 = job.isSha512Needed ? createHash('sha512') : undefined;
  const payload = job.payload.map((algorithm) => [algorithm, createHash(algorithm)] as const);
  const md5 = job.isHeaderAndPayloadMd5Needed ? createHash('md5') : undefined;

  forEachChunk(job, (chunk, position) => {
    updateFrom(sha256, chunk, position, 0);
    updateFrom(sha512, chunk, position, 0);
    for (const [, hash] of payload) updateFrom(hash, chunk, position, job.payloadStart);
    updateFrom(md5, chunk, position, job.headerStart);
  });
  return {
    sha256: job.sha256 ?? sha256?.digest('hex') ?? '',
    sha512: sha512?.digest('hex'),
    payload: new Map(payload.map(([algorithm, hash]) => [algorithm, hash.digest('hex')])),
    headerAndPayloadMd5: md5?.digest('hex'),
  };
}

function forEachChunk(job: DigestJob, use: (chunk: Uint8Array, position: number) => void): void {
  const descriptor = openToRead(job.path);
  try {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, job.sizeBytes));
    for (let position = 0; position < job.sizeBytes; ) {
      const bytesRead = readSync(descriptor, buffer, 0, buffer.length, position);
      if (bytesRead === 0) break;
      use(buffer.subarray(0, bytesRead), position);
      position += bytesRead;
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Hashes the part of a chunk at `position` that lies at or after `start`. */
function updateFrom(hash: Hash | undefined, chunk: Uint8Array, position: number, start: number): void {
  const skip = Math.max(0, start - position);
  if (hash === undefined || skip >= chunk.length) return;
  hash.update(skip === 0 ? chunk : chunk.subarray(skip));
}
