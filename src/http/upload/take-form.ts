import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError, cutText, toAppError } from '../../errors.ts';
import { expectedDigests } from './expected-digests.ts';
import { formBoundary } from './form-boundary.ts';
import { type FormFile, formFiles, type FormRules } from './form-files.ts';
import {
  ingestReceivedFile,
  type ReceivedFile,
  type UploadExchange,
  type UploadRequest,
} from './ingest-received-file.ts';
import { streamToSpool } from '../../intake/stream-to-spool.ts';
import { type FileResult, resultDocument, resultLines, chooseStatus } from '../render-outcome.ts';
import { type IncomingFile, takeOverSpoolFile } from '../../intake/take-over-spool-file.ts';
import { STALL_MS, type UploadOptions } from '../upload-options.ts';
import { readUploadTerms } from './read-upload-terms.ts';
import { parseWaitMs, remainingMs } from '../wait-query.ts';

const MAX_FILES_PER_FORM = 1000;
// As long as a file name on disk can be; the service only shows and logs it.
const MAX_FILE_NAME_BYTES = 255;

/**
 * Takes a form with packages. It receives all files before it looks at the first: a field may say where they go, and
 * clients send it before or behind them. One file answers for itself; when one of several failed, the answer is 207
 * with a result for each.
 */
export async function takeForm(
  request: UploadRequest,
  reply: FastifyReply,
  options: UploadOptions,
): Promise<FastifyReply> {
  const boundary = formBoundary(request.headers['content-type']);
  if (boundary === undefined) {
    throw new AppError('MULTIPART_INVALID', 'a form must be multipart/form-data, with a boundary', {
      hint: 'Send a form with curl -F file=@pkg.rpm, or one package with curl -T pkg.rpm.',
    });
  }
  if (expectedDigests(request.headers).length > 0) {
    throw new AppError('DIGEST_INVALID', 'a digest of a whole form says nothing of its files', {
      hint: 'Send a package that has a digest with PUT: curl -T pkg.rpm, or leave the header out.',
    });
  }
  const waitMs = parseWaitMs(request.query.wait);
  // Faults of the URL are answered before the body is read.
  readUploadTerms(request);
  const spooled = await spooledForm(request, options);
  if (request.headers.expect !== undefined && spooled === undefined) reply.raw.writeContinue();
  // Each file of the form is removed when the answer has been sent.
  reply.raw.setMaxListeners(0);
  const results = await takeFiles({ request, reply }, { boundary, spooled }, options);
  if (results.length === 0) throw noFile();
  const settled = await Promise.all(
    results.map((result) =>
      settle(result, waitMs === undefined ? undefined : remainingMs(waitMs, reply), options),
    ),
  );
  return answer(settled, { request, reply }, options);
}

/** A form that nginx spooled, as it does with every PUT; undefined when the form is in the request. */
async function spooledForm(
  { method, headers }: FastifyRequest,
  options: UploadOptions,
): Promise<IncomingFile | undefined> {
  const spoolPath = options.uploadHeader === undefined ? undefined : headers[options.uploadHeader];
  return method === 'PUT' && typeof spoolPath === 'string'
    ? takeOverSpoolFile(spoolPath, options)
    : undefined;
}

interface ReceivedForm {
  readonly boundary: string;
  readonly spooled: IncomingFile | undefined;
}

async function takeFiles(
  { request, reply }: Omit<UploadExchange, 'terms'>,
  { boundary, spooled }: ReceivedForm,
  options: UploadOptions,
): Promise<readonly FileResult[]> {
  const body = spooled === undefined ? request.raw : createReadStream(spooled.path);
  const arrived: ArrivedFile[] = [];
  const said: string[] = [];
  try {
    const onField = (name: string, value: string): void => {
      // A page sends an input that was left empty as well.
      if (name === 'releasever' && value !== '') said.push(value);
    };
    for await (const part of readFiles(body, boundary, onField)) {
      arrived.push(await receivePart(part, options));
      // An unread rest of the file would block the next part.
      part.content.resume();
    }
    const terms = readUploadTerms(request, said);
    const results: FileResult[] = [];
    for (const file of arrived) results.push(await ingestPart(file, { request, reply, terms }, options));
    return results;
  } catch (error) {
    const terms = { releasever: undefined, batch: undefined };
    const refused = arrived.map((file) => refusedBy(error, file, options));
    for (const file of refused) await ingestPart(file, { request, reply, terms }, options);
    throw error;
  } finally {
    if (spooled !== undefined) options.removeIncoming(spooled.path);
  }
}

/** A file of a form that the service has stored, or why it has not. */
interface ArrivedFile {
  readonly fileName: string;
  readonly received: PromiseSettledResult<ReceivedFile>;
}

async function receivePart(part: FormFile, options: UploadOptions): Promise<ArrivedFile> {
  const { maxUploadBytes, room } = options;
  const limits = { maxUploadBytes, stallMs: STALL_MS, room };
  const fileName = cutText(part.fileName, MAX_FILE_NAME_BYTES);
  const [received] = await Promise.allSettled([streamToSpool(part.content, options, limits)]);
  return received.status === 'rejected'
    ? { fileName, received }
    : { fileName, received: { ...received, value: { ...received.value, expectedDigests: [] } } };
}

/** When a form cannot be read to its end, or contradicts itself, no part of it is taken. */
function refusedBy(
  reason: unknown,
  { fileName, received }: ArrivedFile,
  options: UploadOptions,
): ArrivedFile {
  if (received.status === 'rejected') return { fileName, received };
  options.removeIncoming(received.value.path);
  return { fileName, received: { status: 'rejected', reason } };
}

function noFile(): AppError {
  return new AppError('EMPTY_BODY', 'the form holds no file', {
    hint: 'Mind the @ in curl -F file=@pkg.rpm <url>.',
  });
}

/** The files of a form; what is wrong with the form itself becomes an AppError. */
async function* readFiles(
  body: Readable,
  boundary: string,
  onField: FormRules['onField'],
): AsyncGenerator<FormFile> {
  try {
    yield* formFiles(body, boundary, { maxFiles: MAX_FILES_PER_FORM, onField });
  } catch (cause) {
    // An unread rest would keep the connection open until the idle limit, also when the client has left.
    body.resume();
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
  { fileName, received }: ArrivedFile,
  exchange: UploadExchange,
  options: UploadOptions,
): Promise<FileResult> {
  const receive = async (): Promise<ReceivedFile> => {
    if (received.status === 'rejected') throw received.reason;
    return received.value;
  };
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
  options: Pick<UploadOptions, 'quietMs' | 'publicUrl'>,
): FastifyReply {
  const [first] = results;
  if (first !== undefined && results.length === 1) {
    if ('error' in first) throw first.error;
    if (first.isPending) reply.header('location', `/api/v1/uploads/${first.outcome.sha256}`);
  }
  reply.code(statusOfAll(results));
  return reply.send(request.wantsJson ? resultDocument(results, request.id) : resultLines(results, options));
}

function statusOfAll(results: readonly FileResult[]): 200 | 201 | 202 | 207 {
  const accepted = results.filter((result) => 'outcome' in result);
  if (accepted.length < results.length) return 207;
  const statuses = accepted.map(({ outcome, isPending }) => (isPending ? 202 : chooseStatus(outcome)));
  if (statuses.includes(202)) return 202;
  return statuses.includes(201) ? 201 : 200;
}
