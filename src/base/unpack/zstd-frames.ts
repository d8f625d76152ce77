import { decodeZstdFrame } from './decode-zstd-frame.ts';
import { PieceReader } from './piece-reader.ts';

// RFC 8878: 3.1.1 (frames), 3.1.1.1 (frame header), 3.1.1.2 (blocks), 3.1.2 (skippable frames).
const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_MASK = 0xfffffff0;
const MAGIC_BYTES = 4;
const SKIPPABLE_SIZE_BYTES = 4;
const CHECKSUM_BYTES = 4;
const BLOCK_HEADER_BYTES = 3;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const BLOCK_TYPE_RLE = 1;
const BLOCK_TYPE_RESERVED = 3;

/** True for the first four bytes, little-endian, of a zstd frame or a skippable one. */
export function isZstdMagic(magic: number): boolean {
  return magic === FRAME_MAGIC || isSkippable(magic);
}

/**
 * The content of a file of one or many zstd frames. Node's decoders end after the first frame without an error, so each
 * frame is found here and gets a decoder of its own.
 * @throws Error when the file is cut inside a frame or damaged.
 */
export async function* decodeZstdFrames(
  pieces: AsyncIterable<Uint8Array>,
  chunkBytes: number,
): AsyncGenerator<Uint8Array> {
  await using reader = new PieceReader(pieces);
  while (!(await reader.isAtEnd())) {
    const frameStart = reader.position;
    const magic = await reader.take(MAGIC_BYTES);
    const magicNumber = magic.readUInt32LE();
    if (isSkippable(magicNumber)) await skipFrame(reader);
    else if (magicNumber === FRAME_MAGIC) {
      yield* decodeZstdFrame(bytesOfFrame(reader, magic), chunkBytes);
    } else throw new Error(`no zstd frame begins at byte ${frameStart}`);
  }
}

function isSkippable(magic: number): boolean {
  return (magic & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_MAGIC;
}

async function skipFrame(reader: PieceReader): Promise<void> {
  const size = await reader.take(SKIPPABLE_SIZE_BYTES);
  await reader.skip(size.readUInt32LE());
}

/** One frame as it stands, to its last byte and no further. */
async function* bytesOfFrame(reader: PieceReader, magic: Uint8Array): AsyncGenerator<Uint8Array> {
  const descriptor = await reader.take(1);
  const flags = descriptor.readUInt8();
  yield Buffer.concat([magic, descriptor, await reader.take(headerBytesAfter(flags))]);
  for (let isLast = false; !isLast; ) {
    const blockHeader = await reader.take(BLOCK_HEADER_BYTES);
    const block = blockHeader.readUIntLE(0, BLOCK_HEADER_BYTES);
    isLast = (block & 1) === 1;
    yield blockHeader;
    yield* reader.pass(contentBytes(block, reader.position));
  }
  if (hasChecksum(flags)) yield await reader.take(CHECKSUM_BYTES);
}

/** Window descriptor, dictionary id and content size, after the frame header's descriptor. */
function headerBytesAfter(flags: number): number {
  const isSingleSegment = (flags & 0b10_0000) !== 0;
  const contentSizeFlag = flags >>> 6;
  const contentSizeBytes =
    contentSizeFlag === 0 && isSingleSegment ? 1 : (CONTENT_SIZE_BYTES[contentSizeFlag] ?? 0);
  return (isSingleSegment ? 0 : 1) + (DICTIONARY_ID_BYTES[flags & 0b11] ?? 0) + contentSizeBytes;
}

function hasChecksum(flags: number): boolean {
  return (flags & 0b100) !== 0;
}

function contentBytes(block: number, position: number): number {
  const type = (block >>> 1) & 0b11;
  if (type === BLOCK_TYPE_RESERVED) throw new Error(`a zstd block of no known type ends at byte ${position}`);
  return type === BLOCK_TYPE_RLE ? 1 : block >>> 3;
}
