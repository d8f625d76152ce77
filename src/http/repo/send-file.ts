import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.ts';
import { answerConditions, type FileVersion } from './answer-conditions.ts';
import type { ByteRange } from './read-ranges.ts';

export interface FileToSend {
  /** Absolute. */
  readonly path: string;
  readonly contentType: string;
  readonly cacheControl: string;
}

/** The parts of the answer, in this order: texts, and ranges of the file's bytes. */
type BodyPart = string | ByteRange;

// How much one read of the disk brings; reading more at once makes a download no faster.
const READ_BYTES = 256 * 1024;

/**
 * Sends a regular file as nginx does: with its ETag and Last-Modified, as conditions and ranges ask for it. All of it comes through
 * one descriptor, so that length and content are of one version when another one is renamed over it.
 * @throws AppError PRECONDITION_FAILED, RANGE_NOT_SATISFIABLE; the error of the file system.
 */
export async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  file: FileToSend,
): Promise<FastifyReply> {
  const handle = await open(file.path, constants.O_RDONLY | constants.O_NOFOLLOW);
  let isTaken = false;
  try {
    const pieces = beginAnswer(request, reply, file, await readVersion(handle));
    if (pieces !== undefined)
      reply.header('content-length', String(pieces.reduce((sum, piece) => sum + bytesIn(piece), 0)));
    // A stream without bytes: Fastify would say of anything else that its length is 0.
    if (request.method === 'HEAD') return reply.send(Readable.from([]));
    if (pieces === undefined) return reply.send();
    const content = readPieces(handle, pieces);
    isTaken = true;
    // The stream has begun, so it closes the file also when the client leaves before the first byte.
    await content.next();
    return reply.send(Readable.from(content));
  } finally {
    if (!isTaken) await handle.close();
  }
}

/** The ETag is nginx's: time and size in hex (`ngx_http_set_etag`). */
async function readVersion(handle: FileHandle): Promise<FileVersion> {
  const { size, mtimeMs } = await handle.stat();
  const modifiedSeconds = Math.floor(mtimeMs / 1000);
  const etag = `"${modifiedSeconds.toString(16)}-${size.toString(16)}"`;
  return { sizeBytes: size, modifiedSeconds, etag };
}

/**
 * Sets status and headers.
 * @returns the parts that have to be sent; undefined when the client has the file.
 */
function beginAnswer(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  { contentType, cacheControl }: FileToSend,
  version: FileVersion,
): readonly BodyPart[] | undefined {
  const answer = answerConditions(headers, version);
  if (answer.kind === 'precondition-failed') throw preconditionFailed();
  if (answer.kind === 'range-outside') {
    reply.header('content-range', `bytes */${version.sizeBytes}`);
    throw rangeOutside();
  }
  const lastModified = new Date(version.modifiedSeconds * 1000).toUTCString();
  reply.headers({ etag: version.etag, 'last-modified': lastModified, 'cache-control': cacheControl });
  if (answer.kind === 'not-modified') {
    reply.code(304);
    return undefined;
  }
  if (answer.kind === 'whole') {
    reply.header('accept-ranges', 'bytes').type(contentType);
    return [{ start: 0, end: version.sizeBytes }];
  }
  reply.code(206);
  const [first, ...more] = answer.ranges;
  if (first !== undefined && more.length === 0) {
    reply.header('content-range', contentRange(first, version)).type(contentType);
    return [first];
  }
  const boundary = crypto.randomUUID();
  reply.header('content-type', `multipart/byteranges; boundary=${boundary}`);
  const parts = answer.ranges.flatMap((range) => [
    `\r\n--${boundary}\r\nContent-Type: ${contentType}\r\nContent-Range: ${contentRange(range, version)}\r\n\r\n`,
    range,
  ]);
  return [...parts, `\r\n--${boundary}--\r\n`];
}

function contentRange({ start, end }: ByteRange, { sizeBytes }: FileVersion): string {
  return `bytes ${start}-${end - 1}/${sizeBytes}`;
}

function bytesIn(piece: BodyPart): number {
  return typeof piece === 'string' ? Buffer.byteLength(piece) : piece.end - piece.start;
}

/** Closes the handle at the end, once reading has begun: the first chunk is empty for this. */
async function* readPieces(handle: FileHandle, pieces: readonly BodyPart[]): AsyncGenerator<Buffer> {
  try {
    yield Buffer.alloc(0);
    for (const piece of pieces) {
      if (typeof piece === 'string') yield Buffer.from(piece);
      else yield* readRange(handle, piece);
    }
  } finally {
    await handle.close();
  }
}

async function* readRange(handle: FileHandle, { start, end }: ByteRange): AsyncGenerator<Buffer> {
  for (let position = start; position < end; ) {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, end - position));
    const { bytesRead } = await handle.read(buffer, { position });
    // The answer has announced its length: only a cut connection tells the client that this is not all.
    if (bytesRead === 0) throw new Error('the file became shorter while it was sent');
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

function preconditionFailed(): AppError {
  return new AppError('PRECONDITION_FAILED', 'the file is not the version that the request asks for', {
    hint: 'Ask for the file without If-Match and If-Unmodified-Since.',
  });
}

function rangeOutside(): AppError {
  return new AppError('RANGE_NOT_SATISFIABLE', 'the requested range lies outside the file', {
    hint: 'Ask for the file without a Range header.',
  });
}
