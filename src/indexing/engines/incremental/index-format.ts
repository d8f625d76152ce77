import {
  constants,
  crc32,
  deflateRawSync,
  inflateRawSync,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib';
import { damagedIndex } from '../../damaged-index.ts';
import { crc32Combine } from './crc32-combine.ts';

/** How primary, filelists and other are compressed. */
export type IndexFormatName = 'gzip' | 'zstd';

/** A piece of a compressed file that can be copied into another one as it is. */
export interface Segment {
  readonly lengthBytes: number;
  /** Of the compressed bytes: tells whether a copy is sound. */
  readonly crc32: number;
  readonly openBytes: number;
  /** Of the text. */
  readonly openCrc32: number;
}

/** A file is `head`, any number of segments, and a tail that depends on them. */
export interface IndexFormat {
  readonly extension: 'gz' | 'zst';
  readonly head: Buffer;
  readonly compress: (open: Uint8Array) => Buffer;
  readonly decompress: (segment: Uint8Array, openBytes: number) => Buffer;
  readonly tail: (segments: readonly Segment[]) => Buffer;
}

// A quarter faster than 6 on metadata, and two in a hundred larger (docs/performance.md).
const GZIP_LEVEL = 5;
const ZSTD_LEVEL = 9;

// Source: RFC 1952, section 2.3: magic, deflate, no flags, no time, no extra flags, Unix.
const GZIP_HEAD = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
// Source: RFC 1951, section 3.2.6: a last block with fixed codes that holds its end only.
const DEFLATE_END = Buffer.from([3, 0]);

/**
 * One gzip member, which every reader takes. A segment is a run of deflate blocks that refer to nothing before them and
 * end at a whole byte, so segments can be put together in any way; the member's CRC-32 is combined from theirs.
 */
const gzip: IndexFormat = {
  extension: 'gz',
  head: GZIP_HEAD,
  compress: (open) => deflateRawSync(open, { level: GZIP_LEVEL, finishFlush: constants.Z_SYNC_FLUSH }),
  decompress: (segment, openBytes) =>
    inflateRawSync(segment, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: openBytes }),
  tail: (segments) => {
    const end = Buffer.alloc(8);
    let crc = 0;
    let openBytes = 0;
    for (const segment of segments) {
      crc = crc32Combine(crc, segment.openCrc32, segment.openBytes);
      openBytes += segment.openBytes;
    }
    end.writeUInt32LE(crc, 0);
    end.writeUInt32LE(openBytes % 2 ** 32, 4);
    return Buffer.concat([DEFLATE_END, end]);
  },
};

/** Many zstd frames, one a segment. */
const zstd: IndexFormat = {
  extension: 'zst',
  head: Buffer.alloc(0),
  compress: (open) =>
    zstdCompressSync(open, {
      params: {
        [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL,
        [constants.ZSTD_c_checksumFlag]: 1,
      },
      pledgedSrcSize: open.length,
    }),
  decompress: (segment, openBytes) => zstdDecompressSync(segment, { maxOutputLength: openBytes }),
  tail: () => Buffer.alloc(0),
};

export const INDEX_FORMATS: Readonly<Record<IndexFormatName, IndexFormat>> = { gzip, zstd };

/** Compresses a text into a segment. */
export function compressSegment(
  format: IndexFormatName,
  open: Uint8Array,
): { readonly bytes: Buffer; readonly segment: Segment } {
  const bytes = INDEX_FORMATS[format].compress(open);
  return {
    bytes,
    segment: {
      lengthBytes: bytes.length,
      crc32: crc32(bytes),
      openBytes: open.length,
      openCrc32: crc32(open),
    },
  };
}

/** The text of a segment. @throws AppError INDEX_DAMAGED when its bytes are not those that were written. */
export function decompressSegment(format: IndexFormatName, bytes: Uint8Array, segment: Segment): Buffer {
  checkSegment(bytes, segment);
  return INDEX_FORMATS[format].decompress(bytes, Math.max(1, segment.openBytes));
}

/** @throws AppError INDEX_DAMAGED when the bytes are not those that were written. */
export function checkSegment(bytes: Uint8Array, segment: Segment): void {
  if (bytes.length === segment.lengthBytes && crc32(bytes) === segment.crc32) return;
  throw damagedIndex('a file of the published metadata is not as it was written');
}
