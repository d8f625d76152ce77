import { readSync } from 'node:fs';

/** Fills a buffer from a file. @returns the bytes read, fewer only where the file ends. */
export function readInto(descriptor: number, buffer: Uint8Array, position: number): number {
  let filled = 0;
  while (filled < buffer.length) {
    const bytesRead = readSync(descriptor, buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/** The first bytes of a file, fewer only where it ends. */
export function readStart(descriptor: number, lengthBytes: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(lengthBytes);
  return bytes.subarray(0, readInto(descriptor, bytes, 0));
}

/** Gives the memory of a buffer back at once: the garbage collector is slow for memory outside of its heap. */
export function release(bytes: Uint8Array): void {
  // A small buffer shares its memory with others.
  if (bytes.buffer instanceof ArrayBuffer && bytes.buffer.byteLength > Buffer.poolSize)
    bytes.buffer.transfer(0);
}
