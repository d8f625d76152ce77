import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import type { ClientRequest } from 'node:http';
import { waitAtMost } from '../../base/turns/wait-at-most.ts';
import { AppError, errnoOf } from '../../errors.ts';

/** The piece of a file that is the body of a request. */
export interface FilePart {
  readonly path: string;
  readonly start: number;
  readonly sizeBytes: number;
  /** The client first asks whether the service takes the body (Expect: 100-continue). */
  readonly isAskedFor: boolean;
  /** Reports how far into the file the body has come. */
  readonly onSent: (positionBytes: number) => void;
}

// RFC 9110, section 10.1.1: a client does not wait without end, because a proxy may not know the question.
const CONTINUE_LIMIT_MS = 1000;
const CHUNK_BYTES = 256 * 1024;

/**
 * Sends a body, as fast as the connection takes it, until its end or until the answer comes.
 * @throws AppError SOURCE_CHANGED when the file changed since it was read.
 */
export async function sendBody(
  outgoing: ClientRequest,
  part: FilePart | undefined,
  enough: AbortSignal,
): Promise<void> {
  if (part === undefined || part.sizeBytes === 0) {
    outgoing.end();
    return;
  }
  try {
    if (part.isAskedFor) await whenWanted(outgoing, enough);
    await sendPart(outgoing, part, enough);
  } catch (error) {
    if (!enough.aborted) throw error;
  }
}

async function whenWanted(outgoing: ClientRequest, enough: AbortSignal): Promise<void> {
  outgoing.flushHeaders();
  await waitAtMost(CONTINUE_LIMIT_MS, once(outgoing, 'continue', { signal: enough }), () => undefined);
}

async function sendPart(outgoing: ClientRequest, part: FilePart, enough: AbortSignal): Promise<void> {
  let position = part.start;
  const end = part.start + part.sizeBytes;
  for await (const chunk of readChunks(part)) {
    if (enough.aborted) return;
    const isRoomLeft = outgoing.write(chunk);
    position += chunk.length;
    part.onSent(position);
    if (!isRoomLeft) await once(outgoing, 'drain', { signal: enough });
  }
  if (position < end) throw changed(part.path, 'it has become shorter');
  outgoing.end();
}

async function* readChunks({ path, start, sizeBytes }: FilePart): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path, { start, end: start + sizeBytes - 1, highWaterMark: CHUNK_BYTES });
  } catch (error) {
    throw errnoOf(error) === undefined ? error : changed(path, `it cannot be read: ${errnoOf(error)}`);
  }
}

function changed(path: string, how: string): AppError {
  return new AppError('SOURCE_CHANGED', `${path} changed while it was sent (${how})`, {
    hint: 'Push it again once nothing writes to it.',
  });
}
