import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/**
 * The content of a gzip file of one or many members.
 * @throws Error when it is cut or damaged, also where Node would take the rest for padding: a zero byte after a member.
 */
export async function* inflateMembers(
  pieces: AsyncIterable<Uint8Array>,
  chunkBytes: number,
): AsyncGenerator<Uint8Array> {
  let givenBytes = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      givenBytes += piece.length;
      yield piece;
    }
  };
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  // pipeline destroys both with the error of either, which the reader of the second then gets.
  yield* pipeline(Readable.from(counted(), { highWaterMark: 1 }), gunzip, () => undefined);
  if (gunzip.bytesWritten === givenBytes) return;
  throw new Error(`after byte ${gunzip.bytesWritten} comes no gzip member`);
}
