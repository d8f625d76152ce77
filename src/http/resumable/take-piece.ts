import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError, toAppError } from '../../errors.ts';
import { longerThanSaid } from '../../intake/body-errors.ts';
import { expectedDigests } from '../upload/expected-digests.ts';
import {
  ingestReceivedFile,
  type UploadExchange,
  type UploadRequest,
} from '../upload/ingest-received-file.ts';
import type { HeldUpload } from '../../intake/resumable-uploads.ts';
import type { ExpectedDigest } from '../../intake/spooled-upload.ts';
import { STALL_MS, type UploadOptions } from '../upload-options.ts';
import type { UploadOutcome } from '../../api/upload-outcome.ts';
import { refuseWait } from '../upload/read-upload-terms.ts';
import { hasBody, malformed, readBytes, sayExpiry } from './tus-headers.ts';

const PIECE_TYPE = 'application/offset+octet-stream';

/**
 * Appends a piece to its upload.
 * @returns what became of the package when this was its last piece.
 */
export async function takePiece(
  upload: HeldUpload,
  exchange: { readonly request: UploadRequest; readonly reply: FastifyReply },
  options: UploadOptions,
): Promise<UploadOutcome | undefined> {
  const { request, reply } = exchange;
  const { terms, lengthBytes } = upload;
  if (request.query.wait !== undefined && terms.batch !== undefined) refuseWait(terms.batch);
  const sentBytes = checkPiece(request, upload);
  const { room } = options;
  room.demandRoom(sentBytes);
  const digests = digestsOfPiece(request, upload);
  if (request.headers.expect !== undefined) reply.raw.writeContinue();
  const offset = hasBody(request)
    ? await upload.append({ body: request.raw, expectedDigests: digests, stallMs: STALL_MS, room })
    : upload.offset;
  reply.header('upload-offset', offset);
  if (offset < lengthBytes || upload.isAccepted) {
    sayExpiry(reply, upload.expiresAtMs);
    return undefined;
  }
  return ingestWhole(upload, { ...exchange, terms }, options);
}

async function ingestWhole(
  upload: HeldUpload,
  exchange: UploadExchange,
  options: UploadOptions,
): Promise<UploadOutcome> {
  const path = join(options.incomingDir, randomUUID());
  const receive = async () => {
    upload.linkTo(path);
    return { path, sizeBytes: upload.lengthBytes, expectedDigests: upload.expectedDigests };
  };
  const { log } = exchange.request;
  const outcome = await ingestReceivedFile(receive, exchange, options).catch(async (error: unknown) => {
    exchange.reply.removeHeader('upload-offset');
    // A fault of the service goes away; a fault of the package does not.
    if (toAppError(error).statusCode < 500) {
      await upload.remove().catch((cause: unknown) => {
        log.warn(
          { err: cause },
          'a refused upload could not be removed; it expires, and the client may send its last byte again',
        );
      });
    }
    throw error;
  });
  await upload.accept().catch((error: unknown) => {
    log.warn(
      { err: error },
      'the package was accepted, but the note of it could not be written; the client may send the last byte again',
    );
  });
  return outcome;
}

/** @returns the bytes of it, as far as the request says. */
function checkPiece({ headers }: FastifyRequest, upload: HeldUpload): number {
  if (headers['content-type'] !== PIECE_TYPE) {
    throw new AppError('CONTENT_TYPE_WRONG', `a piece has the content type ${PIECE_TYPE}`, {
      hint: `Send it with Content-Type: ${PIECE_TYPE}.`,
    });
  }
  const offset = readBytes(headers['upload-offset']);
  if (offset === undefined) throw malformed('Upload-Offset must say where the piece begins');
  if (offset !== upload.offset) {
    throw new AppError('UPLOAD_OFFSET_WRONG', `the upload goes on at ${upload.offset}, not at ${offset}`, {
      hint: 'Ask for the offset with HEAD and go on from there.',
      details: { offset: upload.offset },
    });
  }
  const sentBytes = Number(headers['content-length'] ?? 0);
  if (offset + sentBytes > upload.lengthBytes) throw longerThanSaid(upload.lengthBytes);
  return sentBytes;
}

/**
 * Many clients send the same headers with every request: a digest that the beginning gave for the whole file is none of
 * this piece.
 */
function digestsOfPiece({ headers }: FastifyRequest, upload: HeldUpload): readonly ExpectedDigest[] {
  const ofWhole = new Set(upload.expectedDigests.map(({ hex }) => hex));
  return expectedDigests(headers).filter(({ header, hex }) => header !== 'repr-digest' && !ofWhole.has(hex));
}
