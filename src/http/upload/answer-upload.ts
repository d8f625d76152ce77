import type { FastifyReply } from 'fastify';
import type { UploadRequest } from './ingest-received-file.ts';
import { outcomeLine, chooseStatus, waitingLine } from '../render-outcome.ts';
import type { UploadOptions } from '../upload-options.ts';
import type { UploadOutcome } from '../../api/upload-outcome.ts';
import { remainingMs } from '../wait-query.ts';

/**
 * Answers the upload of one accepted package.
 * @param waitMs answers when hosts can install it, or 202 when the time is over; undefined: at once.
 */
export async function answerUpload(
  exchange: { readonly request: UploadRequest; readonly reply: FastifyReply },
  outcome: UploadOutcome,
  waitMs: number | undefined,
  options: Pick<UploadOptions, 'waitUntilInstallable' | 'quietMs' | 'publicUrl'>,
): Promise<FastifyReply> {
  const { request, reply } = exchange;
  const settled =
    waitMs === undefined ? outcome : await options.waitUntilInstallable(outcome, remainingMs(waitMs, reply));
  if (settled === 'pending') {
    reply.code(202).header('location', `/api/v1/uploads/${outcome.sha256}`);
    return reply.send(request.wantsJson ? outcome : waitingLine(outcome, options));
  }
  return reply.code(chooseStatus(settled)).send(request.wantsJson ? settled : outcomeLine(settled, options));
}
