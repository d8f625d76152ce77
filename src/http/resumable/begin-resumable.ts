import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError, toAppError } from '../../errors.ts';
import { emptyBody, tooLarge } from '../../intake/body-errors.ts';
import type { ResumableFacts } from '../../intake/resumable-facts.ts';
import type { ResumableUploads } from '../../intake/resumable-uploads.ts';
import type { RequestOf } from '../routes.ts';
import { expectedDigests } from '../upload/expected-digests.ts';
import { readUploadTerms } from '../upload/read-upload-terms.ts';
import type { UploadOptions } from '../upload-options.ts';
import { hasBody, malformed, readBytes, sayExpiry } from './tus-headers.ts';

export interface ResumableOptions extends UploadOptions {
  readonly resumableUploads: ResumableUploads;
}

/** Extensions that the service does not have: a client that relies on one would send another package than it meant. */
const UNSUPPORTED_HEADERS = ['upload-concat', 'upload-defer-length'];

/** Begins an upload: the client says its length, its digests and where it goes before the first byte. */
export async function beginResumable(
  request: RequestOf<'beginResumable'>,
  reply: FastifyReply,
  options: ResumableOptions,
): Promise<FastifyReply> {
  const owner = request.demandOwner();
  const lengthBytes = readLength(request, options.maxUploadBytes);
  demandSignedDigest(request);
  const terms = readUploadTerms(request);
  const facts = { lengthBytes, owner, terms, expectedDigests: expectedDigests(request.headers) };
  const { batch } = terms;
  const known = { sizeBytes: lengthBytes, ...(batch !== undefined && { batch }) };
  const { id, expiresAtMs } = await create(facts, options).catch((error: unknown) => {
    const { code, message } = toAppError(error);
    request.audit({ outcome: code, detail: message, ...known });
    throw error;
  });
  request.audit({ outcome: 'upload begun', upload: id, ...known });
  return sayExpiry(reply, expiresAtMs).code(201).header('location', `resumable/${id}`).send();
}

async function create(
  facts: ResumableFacts,
  { room, resumableUploads }: ResumableOptions,
): ReturnType<ResumableUploads['create']> {
  room.demandRoom(facts.lengthBytes);
  return resumableUploads.create(facts);
}

/**
 * When a part of a piece arrived, it is kept and not compared with the piece's digest: so the digest of the whole is
 * needed.
 */
function demandSignedDigest({ requester, headers }: FastifyRequest): void {
  if (requester.kind !== 'key' || headers['x-checksum-sha256'] !== undefined) return;
  throw new AppError('SIGNATURE_INVALID', 'X-Checksum-Sha256 must give the whole file’s sha256', {
    hint: 'Sign the beginning of the upload with it; each piece then has its own.',
  });
}

function readLength(request: FastifyRequest, maxUploadBytes: number): number {
  const { headers } = request;
  const unsupported = UNSUPPORTED_HEADERS.find((header) => headers[header] !== undefined);
  if (unsupported !== undefined) throw malformed(`${unsupported} is not supported`);
  if (hasBody(request)) throw malformed('an upload begins without any of its bytes');
  const lengthBytes = readBytes(headers['upload-length']);
  if (lengthBytes === undefined) throw malformed('Upload-Length must give the bytes of the whole file');
  if (lengthBytes === 0) throw emptyBody();
  if (lengthBytes > maxUploadBytes) throw tooLarge(maxUploadBytes);
  return lengthBytes;
}
