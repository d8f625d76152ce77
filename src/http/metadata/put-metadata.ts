import type { FastifyReply } from 'fastify';
import type { MetadataPutDocument } from '../../api/metadata-documents.ts';
import { digestOfFile } from '../../base/files/file-digest.ts';
import { AppError } from '../../errors.ts';
import type { KeptMetadata } from '../../indexing/repository-commands.ts';
import { tooLarge } from '../../intake/body-errors.ts';
import type { ExpectedDigest } from '../../intake/spooled-upload.ts';
import { streamToSpool } from '../../intake/stream-to-spool.ts';
import type { MetadataOptions } from '../metadata-options.ts';
import { parseRepositoryParams } from '../repository-params.ts';
import type { RequestOf } from '../routes.ts';
import { expectedDigests } from '../upload/expected-digests.ts';
import { STALL_MS } from '../upload-options.ts';
import { parseWaitMs } from '../wait-query.ts';
import { toCondition, toEtag } from './metadata-etag.ts';
import { waitForChange } from './wait-for-change.ts';

type PutRequest = RequestOf<'putMetadata'>;
type SpooledMetadata = Awaited<ReturnType<typeof streamToSpool>>;

// nginx/server.conf has the same limit for /api/.
const MAX_METADATA_BYTES = 256 * 1024 * 1024;

/** Keeps metadata for the next index run, in place of that of the same type. */
export async function putMetadata(
  request: PutRequest,
  reply: FastifyReply,
  options: MetadataOptions,
): Promise<MetadataPutDocument> {
  const { type } = request.params;
  const repository = parseRepositoryParams(request.params);
  const waitMs = parseWaitMs(request.query.wait);
  const digests = expectedDigests(request.headers);
  const condition = toCondition(request);
  await options.checkTarget(repository, type, condition);
  const { path, sizeBytes, sha256 } = await receive(request, reply, options);
  const put = async (): Promise<KeptMetadata> => {
    request.requester = await request.requester.proveBy(path);
    for (const digest of digests) await checkDigest(path, digest);
    // Checks take turns; while one waits, its connection is silent for longer than its idle limit.
    request.raw.setTimeout(0);
    const { requester } = request;
    return options.putMetadata(repository, type, { path, requester, signal: whenGone(reply), condition });
  };
  using kept = await put().finally(() => options.removeIncoming(path));
  request.audit({ outcome: `${type} kept`, sha256, sizeBytes, repositories: [repository] });
  const state = await waitForChange(kept, { repository, type, waitMs, reply }, options);
  const etag = toEtag(kept.openSha256);
  reply.header('etag', etag).code(state === 'waiting' ? 202 : 200);
  return { repository, type, sha256, sizeBytes, etag, state };
}

async function receive(
  { headers, raw }: PutRequest,
  reply: FastifyReply,
  options: MetadataOptions,
): Promise<SpooledMetadata> {
  const { room } = options;
  const sentBytes = Number(headers['content-length'] ?? Number.NaN);
  if (sentBytes > MAX_METADATA_BYTES) throw tooLarge(MAX_METADATA_BYTES);
  if (sentBytes > 0) room.demandRoom(sentBytes);
  if (headers.expect !== undefined) reply.raw.writeContinue();
  const limits = { maxUploadBytes: MAX_METADATA_BYTES, stallMs: STALL_MS, room };
  return streamToSpool(raw, options, limits).finally(() => {
    // An unread rest would keep the connection open until the idle limit.
    raw.resume();
  });
}

/**
 * Aborted when the connection ends before the answer, also when it has ended already; not by request.signal, which is when the
 * body has been read.
 */
function whenGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  const leave = (): void => {
    const reason = new AppError('BODY_INCOMPLETE', 'the connection ended before the metadata was checked', {
      hint: 'Wait for the answer: metadata is checked one file at a time.',
    });
    gone.abort(reason);
  };
  if (reply.raw.destroyed) leave();
  else reply.raw.once('close', leave);
  return gone.signal;
}

async function checkDigest(path: string, { algorithm, hex, header }: ExpectedDigest): Promise<void> {
  const found = await digestOfFile(path, algorithm);
  if (found === hex) return;
  throw new AppError('DIGEST_MISMATCH', `${header} says ${algorithm} ${hex}, the body has ${found}`, {
    hint: 'The body was changed on the way or the wrong file was sent: send it again.',
  });
}
