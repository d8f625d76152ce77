import type { FastifyReply, FastifyRequest } from 'fastify';
import { emptyBody, tooLarge } from '../../intake/body-errors.ts';
import { expectedDigests } from './expected-digests.ts';
import type { ReceivedFile } from './ingest-received-file.ts';
import { streamToSpool } from '../../intake/stream-to-spool.ts';
import { takeOverSpoolFile } from '../../intake/take-over-spool-file.ts';
import { STALL_MS, type UploadOptions } from '../upload-options.ts';

/**
 * Takes a body that is one package: nginx names the file it spooled in its header, otherwise the body is in the request.
 * @throws AppError of either way, DIGEST_INVALID.
 */
export async function receiveBody(
  request: FastifyRequest,
  reply: FastifyReply,
  options: UploadOptions,
): Promise<ReceivedFile> {
  const { uploadHeader, maxUploadBytes, room } = options;
  const digests = expectedDigests(request.headers);
  const spoolPath = uploadHeader === undefined ? undefined : request.headers[uploadHeader];
  if (typeof spoolPath === 'string') {
    return { ...(await takeOverSpoolFile(spoolPath, options)), expectedDigests: digests };
  }
  const sentBytes = Number(request.headers['content-length'] ?? Number.NaN);
  if (sentBytes === 0) throw emptyBody();
  if (sentBytes > maxUploadBytes) throw tooLarge(maxUploadBytes);
  if (sentBytes > 0) room.demandRoom(sentBytes);
  if (request.headers.expect !== undefined) reply.raw.writeContinue();
  try {
    const streamed = await streamToSpool(request.raw, options, { maxUploadBytes, stallMs: STALL_MS, room });
    return { ...streamed, expectedDigests: digests };
  } catch (error) {
    // An unread rest would keep the connection open until the idle limit, also when the client has left.
    request.raw.resume();
    throw error;
  }
}
