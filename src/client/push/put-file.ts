import type { OutgoingHttpHeaders } from 'node:http';
import type { DigestedFile, PushOptions } from '../push-options.ts';
import { type Outcome, readOutcome } from '../read-answer.ts';
import { uploadUrl } from '../service-urls.ts';

/**
 * From this size on it is worth asking first whether the service refuses the body: sending 1 MiB takes longer than the
 * question.
 */
export const ASK_FROM_BYTES = 1024 * 1024;

/**
 * Sends a file in one request.
 * @throws PushFailure for any answer but success; the error of the connection.
 */
export async function putFile(
  file: DigestedFile,
  { urls, exchange, terms }: PushOptions,
  onSent: (positionBytes: number) => void,
): Promise<Outcome> {
  const { path, sizeBytes } = file;
  const answer = await exchange({
    method: 'PUT',
    url: uploadUrl(urls, terms.releasever),
    headers: uploadHeaders(file, terms.batchId),
    body: { path, start: 0, sizeBytes, isAskedFor: sizeBytes >= ASK_FROM_BYTES, onSent },
  });
  return readOutcome(answer);
}

/** Headers that describe the file, for an upload in one request or in many. */
export function uploadHeaders({ sha256 }: DigestedFile, batchId: string | undefined): OutgoingHttpHeaders {
  return { 'x-checksum-sha256': sha256, ...(batchId !== undefined && { 'x-batch': batchId }) };
}
