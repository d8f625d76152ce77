import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError, cutText, toAppError } from '../errors.ts';
import { expectedDigests } from './expected-digests.ts';
import { formBoundary } from './form-boundary.ts';
import { type FormFile, formFiles } from './form-files.ts';
import { ingestReceivedFile, type UploadExchange, type UploadRequest } from './ingest-received-file.ts';
import { streamToSpool } from './stream-to-spool.ts';
import { type FileResult, resultDocument, resultLines, statusOf } from './render-outcome.ts';
import { STALL_MS, type UploadOptions } from './upload-options.ts';
import { readUploadTerms } from './read-upload-terms.ts';
import { parseWaitMs, remainingMs } from './wait-query.ts';

const MAX_FILES_PER_FORM = 1000;
// As long as a name can be on a disk; it is shown and logged, nothing else.
const MAX_FILE_NAME_BYTES = 255;

/**
 * POST of a form with packages, one after the other as they arrive. One file answers for itself; several answer 207
 * when one of them failed, with a result for each.
 */
export async function postForm(
  request: UploadRequest,
  reply: FastifyReply,
  options: UploadOptions,
): Promise<FastifyReply> {
  const boundary = formBoundary(request.headers['content-type']);
  if (boundary === undefined) {
    throw new AppError('MULTIPART_INVALID', 'POST takes a form (multipart/form-data with a boundary)', {
      hint: 'Send a form with curl -F file=@pkg.rpm, or one package with curl -T pkg.rpm.',
    });
  }
  if (expectedDigests(request.headers).length > 0) {
    throw new AppError('DIGEST_INVALID', 'a digest of a whole form says nothing of its files', {
      hint: 'Send a package that has a digest with PUT: curl -T pkg.rpm, or leave the header out.',
    });
  }
  const waitMs = parseWaitMs(request.query.wait);
  const terms = readUploadTerms(request);
  if (request.headers.expect !== undefined) reply.raw.writeContinue();
  // Each file of the form is removed when the answer has been sent.
  reply.raw.setMaxListeners(0);
  const results: FileResult[] = [];
  for await (const part of filesOf(request, boundary)) {
    results.push(await ingestPart(part, { request, reply, terms }, options));
    // What was not read of it would block the next part.
    part.content.resume();
  }
  if (results.length === 0) throw noFile();
  const settled = await Promise.all(
    results.map((result) =>
      settle(result, waitMs === undefined ? undefined : remainingMs(waitMs, reply), options),
    ),
  );
  return answer(settled, { request, reply }, options);
}

function noFile(): AppError {
  return new AppError('EMPTY_BODY', 'the form holds no file', {
    hint: 'Mind the @ in curl -F file=@pkg.rpm <url>.',
  });
}

/** The files of a form; what is wrong with the form itself becomes an AppError. */
async function* filesOf(request: FastifyRequest, boundary: string): AsyncGenerator<FormFile> {
  try {
    yield* formFiles(request.raw, boundary, MAX_FILES_PER_FORM);
  } catch (cause) {
    // An unread rest would keep the connection open until the idle limit, also when the client has left.
    request.raw.resume();
    if (cause instanceof AppError) throw cause;
    throw new AppError(
      'MULTIPART_INVALID',
      `the form cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        hint: `Send it again, with at most ${MAX_FILES_PER_FORM} files: curl -F file=@pkg.rpm <url>.`,
        cause,
      },
    );
  }
}

async function ingestPart(
  part: FormFile,
  exchange: UploadExchange,
  options: UploadOptions,
): Promise<FileResult> {
  const fileName = cutText(part.fileName, MAX_FILE_NAME_BYTES);
  const { maxUploadBytes, room } = options;
  const limits = { maxUploadBytes, stallMs: STALL_MS, room };
  const receive = async () => ({
    ...(await streamToSpool(part.content, options, limits)),
    expectedDigests: [],
  });
  try {
    const outcome = await ingestReceivedFile(receive, { ...exchange, fileName }, options);
    return { fileName, outcome, isPending: false };
  } catch (error) {
    const refusal = toAppError(error);
    exchange.request.logError(refusal, { fileName });
    return { fileName, error: refusal };
  }
}

async function settle(
  result: FileResult,
  waitMs: number | undefined,
  options: UploadOptions,
): Promise<FileResult> {
  if (waitMs === undefined || !('outcome' in result)) return result;
  try {
    const settled = await options.waitUntilInstallable(result.outcome, waitMs);
    return settled === 'pending' ? { ...result, isPending: true } : { ...result, outcome: settled };
  } catch (error) {
    return { fileName: result.fileName, error: toAppError(error) };
  }
}

function answer(
  results: readonly FileResult[],
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  { quietMs }: Pick<UploadOptions, 'quietMs'>,
): FastifyReply {
  const [first] = results;
  if (first !== undefined && results.length === 1) {
    if ('error' in first) throw first.error;
    if (first.isPending) reply.header('location', `/api/v1/uploads/${first.outcome.sha256}`);
  }
  reply.code(statusOfAll(results));
  return reply.send(request.wantsJson ? resultDocument(results, request.id) : resultLines(results, quietMs));
}

function statusOfAll(results: readonly FileResult[]): 200 | 201 | 202 | 207 {
  const accepted = results.filter((result) => 'outcome' in result);
  if (accepted.length < results.length) return 207;
  const statuses = accepted.map(({ outcome, isPending }) => (isPending ? 202 : statusOf(outcome)));
  if (statuses.includes(202)) return 202;
  return statuses.includes(201) ? 201 : 200;
}
