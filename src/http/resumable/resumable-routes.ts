import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, toAppError } from '../../errors.ts';
import { headerText } from '../../base/text/header-text.ts';
import { answerUpload } from '../upload/answer-upload.ts';
import { emptyBody, longerThanSaid, tooLarge } from '../../intake/body-errors.ts';
import { expectedDigests } from '../upload/expected-digests.ts';
import {
  ingestReceivedFile,
  type UploadExchange,
  type UploadRequest,
} from '../upload/ingest-received-file.ts';
import type { HeldUpload, ResumableFacts, ResumableUploads } from '../../intake/resumable-uploads.ts';
import type { ExpectedDigest } from '../../intake/spooled-upload.ts';
import { STALL_MS, type UploadOptions } from '../upload-options.ts';
import type { UploadOutcome } from '../../api/upload-outcome.ts';
import { readUploadTerms, refuseWait, type UploadQuery } from '../upload/read-upload-terms.ts';
import { parseWaitMs } from '../wait-query.ts';

export interface ResumableRoutesOptions extends UploadOptions {
  readonly resumableUploads: ResumableUploads;
}

// https://tus.io/protocols/resumable-upload, version 1.0.0
const TUS_VERSION = '1.0.0';
const TUS_EXTENSIONS = 'creation,expiration,termination';
const PIECE_TYPE = 'application/offset+octet-stream';

/** Extensions that a client must not believe to be there: what it sent would become another package than it meant. */
const UNSUPPORTED_HEADERS = ['upload-concat', 'upload-defer-length'];

const querystring = (properties: object): object => ({
  querystring: { type: 'object', properties },
});

/** Uploads that go on where they ended, by the tus protocol; the last piece is answered as a PUT of the whole would be. */
export async function resumableRoutes(app: FastifyInstance, options: ResumableRoutesOptions): Promise<void> {
  const { resumableUploads: uploads, maxUploadBytes, room } = options;
  const url = `${options.uploadPath}/resumable`;
  const config = { needs: { right: 'upload', in: 'some' }, audits: 'itself' } as const;

  app.removeAllContentTypeParsers();
  // The body stays a stream until it is appended.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.addHook('onSend', async (_request, reply) => {
    reply.header('tus-resumable', TUS_VERSION);
  });
  app.addHook('onRequest', async (request, reply) => checkVersion(request, reply));

  app.options(url, { config: { needs: 'nothing', query: 'ignored' } }, (_request, reply) =>
    reply
      .code(204)
      .header('tus-version', TUS_VERSION)
      .header('tus-extension', TUS_EXTENSIONS)
      .header('tus-max-size', maxUploadBytes)
      .send(),
  );

  app.post<{ Querystring: UploadQuery }>(
    url,
    { schema: querystring({ releasever: { type: 'string' }, batch: { type: 'string' } }), config },
    async (request, reply) => {
      const owner = request.demandOwner();
      const lengthBytes = readLength(request, maxUploadBytes);
      demandSignedDigest(request);
      const terms = readUploadTerms(request);
      const facts = { lengthBytes, owner, terms, expectedDigests: expectedDigests(request.headers) };
      const { batch } = terms;
      const known = { sizeBytes: lengthBytes, ...(batch !== undefined && { batch }) };
      const { id, expiresAtMs } = await begin(facts).catch((error: unknown) => {
        const { code, message } = toAppError(error);
        request.audit({ outcome: code, detail: message, ...known });
        throw error;
      });
      request.audit({ outcome: 'upload begun', upload: id, ...known });
      return sayExpiry(reply, expiresAtMs).code(201).header('location', `resumable/${id}`).send();
    },
  );

  // A client may say ?wait= with every request of an upload, as it does with the digests.
  const schema = querystring({ wait: { type: 'string' } });
  app.head<{ Params: { id: string } }>(`${url}/:id`, { schema, config }, (request, reply) =>
    uploads.hold(request.params.id, request.demandOwner(), async (upload) =>
      sayExpiry(reply, upload.expiresAtMs)
        .header('upload-offset', upload.offset)
        .header('upload-length', upload.lengthBytes)
        .header('cache-control', 'no-store')
        .send(),
    ),
  );

  app.delete<{ Params: { id: string } }>(`${url}/:id`, { schema, config }, async (request, reply) => {
    const { id } = request.params;
    const sizeBytes = await uploads.hold(id, request.demandOwner(), async (upload) => {
      await upload.remove();
      return upload.lengthBytes;
    });
    request.audit({ outcome: 'upload deleted', upload: id, sizeBytes });
    return reply.code(204).send();
  });

  app.patch<{ Querystring: UploadQuery; Params: { id: string } }>(
    `${url}/:id`,
    { schema, config },
    async (request, reply) => {
      const waitMs = parseWaitMs(request.query.wait);
      try {
        const { id } = request.params;
        const taken = await uploads.hold(id, request.demandOwner(), (upload) =>
          takePiece(upload, { request, reply }, options),
        );
        if (taken === undefined) return await reply.code(204).send();
        return await answerUpload({ request, reply }, taken, waitMs, options);
      } finally {
        // An unread rest would keep the connection open until the idle limit, also when the client has left.
        request.raw.resume();
      }
    },
  );

  async function begin(facts: ResumableFacts): ReturnType<ResumableUploads['create']> {
    room.demandRoom(facts.lengthBytes);
    return uploads.create(facts);
  }
}

/** What became of the package when this was its last piece. */
async function takePiece(
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
    // A fault of ours goes away, what is wrong with the package does not.
    if (toAppError(error).statusCode < 500) {
      await upload.remove().catch((cause: unknown) => {
        log.warn(
          { err: cause },
          'a refused upload is not removed; it expires, and its last byte may come again',
        );
      });
    }
    throw error;
  });
  await upload.accept().catch((error: unknown) => {
    log.warn({ err: error }, 'an accepted upload is not known as such; its last byte may come again');
  });
  return outcome;
}

function checkVersion(request: FastifyRequest, reply: FastifyReply): void {
  const version = headerText(request.headers['tus-resumable']);
  if (request.method === 'OPTIONS' || version === TUS_VERSION) return;
  reply.header('tus-version', TUS_VERSION);
  throw new AppError('TUS_VERSION_UNSUPPORTED', `Tus-Resumable must be ${TUS_VERSION}`, {
    hint: 'Use a client for tus 1.0.0, or send the package with PUT.',
  });
}

/** A piece of which only a part arrived is kept and not compared with its digest: the whole has to be. */
function demandSignedDigest({ requester, headers }: FastifyRequest): void {
  if (requester.kind !== 'key' || headers['x-checksum-sha256'] !== undefined) return;
  throw new AppError('SIGNATURE_INVALID', 'X-Checksum-Sha256 must give the whole file’s sha256', {
    hint: 'Sign the beginning of the upload with it; each piece then has its own.',
  });
}

function readLength(request: FastifyRequest, maxUploadBytes: number): number {
  const { headers } = request;
  const unsupported = UNSUPPORTED_HEADERS.find((header) => headers[header] !== undefined);
  if (unsupported !== undefined) throw invalid(`${unsupported} is not supported`);
  if (hasBody(request)) throw invalid('an upload begins without any of its bytes');
  const lengthBytes = readBytes(headers['upload-length']);
  if (lengthBytes === undefined) throw invalid('Upload-Length must give the bytes of the whole file');
  if (lengthBytes === 0) throw emptyBody();
  if (lengthBytes > maxUploadBytes) throw tooLarge(maxUploadBytes);
  return lengthBytes;
}

/** @returns the bytes of it, as far as the request says. */
function checkPiece({ headers }: FastifyRequest, upload: HeldUpload): number {
  if (headers['content-type'] !== PIECE_TYPE) {
    throw new AppError('CONTENT_TYPE_WRONG', `a piece has the content type ${PIECE_TYPE}`, {
      hint: `Send it with Content-Type: ${PIECE_TYPE}.`,
    });
  }
  const offset = readBytes(headers['upload-offset']);
  if (offset === undefined) throw invalid('Upload-Offset must say where the piece begins');
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

function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Many clients send the same headers with every request: what was said of the whole at the beginning is no piece's. */
function digestsOfPiece({ headers }: FastifyRequest, upload: HeldUpload): readonly ExpectedDigest[] {
  const ofWhole = new Set(upload.expectedDigests.map(({ hex }) => hex));
  return expectedDigests(headers).filter(({ header, hex }) => header !== 'repr-digest' && !ofWhole.has(hex));
}

function readBytes(value: string | string[] | undefined): number | undefined {
  const text = headerText(value) ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function sayExpiry(reply: FastifyReply, expiresAtMs: number): FastifyReply {
  return reply.header('upload-expires', new Date(expiresAtMs).toUTCString());
}

function invalid(detail: string): AppError {
  return new AppError('PARAMETER_INVALID', detail, {
    hint: 'Correct the request; docs/http.md shows how an upload is resumed.',
  });
}
