import type { FastifyReply, FastifyRequest } from 'fastify';
import { toAppError } from '../../errors.ts';
import type { SpooledUpload } from '../../intake/spooled-upload.ts';
import type { IncomingFile } from '../../intake/take-over-spool-file.ts';
import type { UploadOptions } from '../upload-options.ts';
import type { UploadOutcome } from '../../api/upload-outcome.ts';
import type { UploadQuery } from './read-upload-terms.ts';
import type { UploadTerms } from '../../intake/spooled-upload.ts';

/** A file of the service, and what the client said of it. */
export interface ReceivedFile extends IncomingFile {
  readonly sha256?: string | undefined;
  readonly expectedDigests: SpooledUpload['expectedDigests'];
}

export type UploadRequest = FastifyRequest<{ Querystring: UploadQuery }>;

/** One file of a request. */
export interface UploadExchange {
  readonly request: UploadRequest;
  readonly reply: FastifyReply;
  readonly terms: UploadTerms;
  /** The name of the file in a form. */
  readonly fileName?: string;
}

/** Receives one file and hands it on; counts how it ended, and removes it from incoming after the answer. */
export async function ingestReceivedFile(
  receive: () => Promise<ReceivedFile>,
  exchange: UploadExchange,
  options: UploadOptions,
): Promise<UploadOutcome> {
  const { request, terms, fileName } = exchange;
  const known = {
    ...(fileName !== undefined && { file: fileName }),
    ...(terms.batch !== undefined && { batch: terms.batch }),
  };
  try {
    const outcome = await ingest(await receive(), exchange, options);
    options.countUpload(outcome.outcome, outcome.sizeBytes);
    const { nevra, sha256, sizeBytes, places } = outcome;
    const repositories = places.map(({ repository }) => repository);
    request.audit({ outcome: outcome.outcome, ...known, nevra, sha256, sizeBytes, repositories });
    return outcome;
  } catch (error) {
    const { code, message } = toAppError(error);
    options.countUpload(code, 0);
    request.audit({ outcome: code, detail: message, ...known });
    throw error;
  }
}

async function ingest(
  { path, sizeBytes, sha256, expectedDigests }: ReceivedFile,
  { request, reply, terms }: UploadExchange,
  options: UploadOptions,
): Promise<UploadOutcome> {
  try {
    const requester = await request.requester.proveBy(path);
    request.requester = requester;
    return await options.ingest({ path, sizeBytes, sha256, expectedDigests, ...terms, requester }, request);
  } finally {
    // Removed only after the answer: until then this name keeps the bytes, whatever happens to the others. A client may
    // have left before.
    if (reply.raw.closed) options.removeIncoming(path);
    else reply.raw.once('close', () => options.removeIncoming(path));
  }
}
