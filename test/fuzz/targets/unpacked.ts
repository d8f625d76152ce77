import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { inflateMembers } from '../../../src/base/unpack/inflate-members.ts';
import { decodeZstdFrames } from '../../../src/base/unpack/zstd-frames.ts';
import { type FuzzTarget, holds } from '../fuzz-target.ts';

/** Compressed metadata that another program wrote. */
export const unpacked: FuzzTarget = {
  run,
  seeds,
  dictionary: [
    Buffer.from('1f8b0800', 'hex'),
    Buffer.from('28b52ffd', 'hex'),
    Buffer.from('502a4d18', 'hex'),
    Buffer.from('5f2a4d18', 'hex'),
    Buffer.from('28b52ffd0058', 'hex'),
    Buffer.from('28b52ffda4', 'hex'),
  ], // prettier-ignore
};

const CHUNK_BYTES = 64 * 1024;

/** The reader stops here, as those of the service do at limits of their own. */
const MAX_OPEN_BYTES = 4 * 1024 * 1024;

async function run(input: Buffer): Promise<void> {
  const pieceBytes = 1 + (input.at(-1) ?? 0);
  const isGzip = input[0] === 0x1f;
  const decode = isGzip ? inflateMembers : decodeZstdFrames;
  const whole = await outcome(decode(inPieces(input, Math.max(1, input.length)), CHUNK_BYTES));
  const pieces = await outcome(decode(inPieces(input, pieceBytes), CHUNK_BYTES));
  holds(whole.isRead === pieces.isRead, 'pieces of another size decide whether it is read');
  if (whole.isRead)
    holds(whole.openBytes === pieces.openBytes, 'pieces of another size give another content');
  const byNode = openedByNode(input, isGzip ? gunzipSync : zstdDecompressSync);
  holds(whole.openBytes >= byNode, `Node reads ${byNode} bytes, we read ${whole.openBytes}`);
}

/** Node's zstd decoder stops after the first frame, so this is the least there is; 0 when it reads nothing. */
function openedByNode(
  input: Buffer,
  decodeSync: (input: Buffer, options: { readonly maxOutputLength: number }) => Buffer,
): number {
  try {
    return decodeSync(input, { maxOutputLength: MAX_OPEN_BYTES }).length;
  } catch {
    return 0;
  }
}

async function* inPieces(input: Buffer, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < input.length; start += pieceBytes)
    yield input.subarray(start, start + pieceBytes);
}

async function outcome(content: AsyncGenerator<Uint8Array>): Promise<{ isRead: boolean; openBytes: number }> {
  let openBytes = 0;
  try {
    for await (const piece of content) {
      holds(piece.length <= MAX_OPEN_BYTES, 'a piece is larger than it may be');
      openBytes += piece.length;
      if (openBytes > MAX_OPEN_BYTES) break;
    }
    return { isRead: true, openBytes: Math.min(openBytes, MAX_OPEN_BYTES) };
  } catch (error) {
    if (!(error instanceof Error) || error instanceof TypeError || error.name === 'PropertyError')
      throw error;
    return { isRead: false, openBytes };
  }
}

function seeds(): readonly Buffer[] {
  const text = Buffer.from('<package>example</package>\n'.repeat(40));
  const skippable = Buffer.from('502a4d1803000000616263', 'hex');
  return [
    gzipSync(text),
    Buffer.concat([gzipSync(text), gzipSync('')]),
    zstdCompressSync(text),
    Buffer.concat([zstdCompressSync(text), skippable, zstdCompressSync('')]),
    zstdCompressSync(Buffer.alloc(300_000)),
  ];
}
