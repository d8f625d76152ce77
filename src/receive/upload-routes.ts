import multipart, { type MultipartFile } from '@fastify/multipart';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, toAppError } from '../errors.ts';
import { expectedDigests } from './expected-digests.ts';
import type { SpooledUpload } from './spooled-upload.ts';
import { streamToSpool, tooLarge } from './stream-to-spool.ts';
import { emptyBody, type IncomingFile, takeOverSpoolFile } from './take-over-spool-file.ts';
import { type FileResult, outcomeLine, resultDocument, resultLines } from './upload-answer.ts';
import type { UploadOutcome } from './upload-outcome.ts';
import { parseWaitMs, type WaitQuery } from './wait-query.ts';

export interface UploadRoutesOptions {
  readonly uploadPath: string;
  /** Lower-case name of the header in which nginx passes its spool file; undefined when bodies come directly. */
  readonly uploadHeader: string | undefined;
  readonly maxUploadBytes: number;
  readonly spoolDir: string;
  readonly incomingDir: string;
  readonly ingest: (upload: SpooledUpload, request: FastifyRequest) => Promise<UploadOutcome>;
  /** Answers 'pending' when the time is up first. */
  readonly waitUntilInstallable: (
    outcome: UploadOutcome,
    waitMs: number,
  ) => Promise<UploadOutcome | 'pending'>;
  readonly removeIncoming: (path: string) => void;
  /** Told of every upload: 'created', 'unchanged' or the error code, and the bytes that were accepted. */
  readonly countUpload: (outcome: string, sizeBytes: number) => void;
}

// nginx gives up on a silent client after 60 s as well.
const STALL_MS = 60_000;
const MAX_FILES_PER_FORM = 1000;

interface UploadQuery extends WaitQuery {
  readonly releasever?: string;
}

const QUERY_SCHEMA = {
  type: 'object',
  properties: { wait: { type: 'string' }, releasever: { type: 'string' } },
} as const;

/** PUT one package, POST a form with many; both end as a SpooledUpload that `ingest` takes on. */
export async function uploadRoutes(app: FastifyInstance, options: UploadRoutesOptions): Promise<void> {
  const { uploadPath, uploadHeader, maxUploadBytes } = options;
  const limits = { maxUploadBytes, stallMs: STALL_MS };

  app.removeAllContentTypeParsers();
  await app.register(multipart, { limits: { files: MAX_FILES_PER_FORM, fileSize: Number.MAX_SAFE_INTEGER } });
  // The body stays a stream: receivePut reads it.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));

  const schema = { querystring: QUERY_SCHEMA };
  app.put<{ Querystring: UploadQuery }>(uploadPath, { schema }, putPackage);
  app.put<{ Querystring: UploadQuery; Params: { '*': string } }>(
    `${uploadPath}/*`,
    { schema },
    (request, reply) => {
      checkUploadName(request.params['*']);
      return putPackage(request, reply);
    },
  );
  app.post<{ Querystring: UploadQuery }>(uploadPath, { schema }, postForm);
  app.post<{ Querystring: UploadQuery }>(`${uploadPath}/`, { schema }, postForm);
  for (const url of [uploadPath, `${uploadPath}/`]) {
    app.route({ method: ['GET', 'DELETE', 'PATCH'], url, handler: refuseMethod });
  }

  function refuseMethod(_request: FastifyRequest, reply: FastifyReply): never {
    reply.header('allow', 'PUT, POST');
    throw new AppError('METHOD_NOT_ALLOWED', `${uploadPath} takes PUT and POST`, {
      hint: 'Upload with curl -T pkg.rpm <url>, or with curl -F file=@pkg.rpm <url>.',
    });
  }

  async function putPackage(
    request: FastifyRequest<{ Querystring: UploadQuery }>,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const waitMs = parseWaitMs(request.query.wait);
    const outcome = await counted(async () => ingestFile(request, reply, await receivePut(request, reply)));
    return answer(request, reply, outcome, waitMs);
  }

  async function counted(task: () => Promise<UploadOutcome>): Promise<UploadOutcome> {
    try {
      const outcome = await task();
      options.countUpload(outcome.outcome, outcome.sizeBytes);
      return outcome;
    } catch (error) {
      options.countUpload(toAppError(error).code, 0);
      throw error;
    }
  }

  /** nginx names the file in its header; otherwise the body is in the request. */
  async function receivePut(request: FastifyRequest, reply: FastifyReply): Promise<ReceivedFile> {
    const digests = expectedDigests(request.headers);
    const spoolPath = uploadHeader === undefined ? undefined : request.headers[uploadHeader];
    if (typeof spoolPath === 'string') {
      return { digests, ...(await takeOverSpoolFile(spoolPath, options)) };
    }
    const sentBytes = Number(request.headers['content-length'] ?? Number.NaN);
    if (sentBytes === 0) throw emptyBody();
    if (sentBytes > maxUploadBytes) throw tooLarge(maxUploadBytes);
    if (request.headers.expect !== undefined) reply.raw.writeContinue();
    try {
      return { digests, ...(await streamToSpool(request.raw, options, limits)) };
    } catch (error) {
      // An unread rest would keep the connection open until the idle limit, also when the client has left.
      request.raw.resume();
      throw error;
    }
  }

  async function ingestFile(
    request: FastifyRequest<{ Querystring: UploadQuery }>,
    reply: FastifyReply,
    file: ReceivedFile,
  ): Promise<UploadOutcome> {
    const { path, sizeBytes, sha256, digests } = file;
    const releasever = request.query.releasever;
    try {
      return await options.ingest({ path, sizeBytes, sha256, expectedDigests: digests, releasever }, request);
    } finally {
      // Only after the answer: until then our name keeps the bytes whatever happens to the others. A client may have
      // left before.
      if (reply.raw.closed) options.removeIncoming(path);
      else reply.raw.once('close', () => options.removeIncoming(path));
    }
  }

  async function postForm(
    request: FastifyRequest<{ Querystring: UploadQuery }>,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    if (!request.isMultipart()) {
      throw new AppError('MULTIPART_INVALID', 'POST takes a form (multipart/form-data)', {
        hint: 'Send a form with curl -F file=@pkg.rpm, or one package with curl -T pkg.rpm.',
      });
    }
    const waitMs = parseWaitMs(request.query.wait);
    if (request.headers.expect !== undefined) reply.raw.writeContinue();
    // Each file of the form is removed when the answer has been sent.
    reply.raw.setMaxListeners(0);
    const results: FileResult[] = [];
    for await (const part of filesOf(request)) {
      results.push(await formFile(request, reply, part));
      // What streamToSpool did not read would block the next part.
      part.file.resume();
    }
    if (results.length === 0) throw emptyBody();
    return answerForm(request, reply, await Promise.all(results.map((result) => waitFor(result, waitMs))));
  }

  async function formFile(
    request: FastifyRequest<{ Querystring: UploadQuery }>,
    reply: FastifyReply,
    part: MultipartFile,
  ): Promise<FileResult> {
    const fileName = part.filename;
    try {
      const outcome = await counted(async () => {
        const received = await streamToSpool(part.file, options, limits);
        return ingestFile(request, reply, { digests: [], ...received });
      });
      return { fileName, outcome, isPending: false };
    } catch (error) {
      request.log.info({ err: error, fileName }, 'file of a form refused');
      return { fileName, error: toAppError(error) };
    }
  }

  async function waitFor(result: FileResult, waitMs: number | undefined): Promise<FileResult> {
    if (waitMs === undefined || !('outcome' in result)) return result;
    try {
      const settled = await options.waitUntilInstallable(result.outcome, waitMs);
      return settled === 'pending' ? { ...result, isPending: true } : { ...result, outcome: settled };
    } catch (error) {
      return { fileName: result.fileName, error: toAppError(error) };
    }
  }

  async function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    outcome: UploadOutcome,
    waitMs: number | undefined,
  ): Promise<FastifyReply> {
    const settled = waitMs === undefined ? outcome : await options.waitUntilInstallable(outcome, waitMs);
    if (settled === 'pending') {
      reply.code(202).header('location', `/api/v1/uploads/${outcome.sha256}`);
      return reply.send(request.wantsJson ? outcome : outcomeLine(outcome));
    }
    reply.code(outcome.outcome === 'created' ? 201 : 200);
    return reply.send(request.wantsJson ? settled : outcomeLine(settled));
  }
}

interface ReceivedFile extends IncomingFile {
  readonly sha256?: string | undefined;
  readonly digests: SpooledUpload['expectedDigests'];
}

/** The name in the URL decides nothing but must be a file name: other segments are kept for later use. */
function checkUploadName(name: string): void {
  if (name === '' || (!name.includes('/') && name.endsWith('.rpm'))) return;
  throw new AppError(
    'UPLOAD_PATH_RESERVED',
    'the path after the upload URL must be one file name ending in .rpm',
    {
      hint: 'Upload to the upload URL itself, or to <upload URL>/<file>.rpm.',
    },
  );
}

/** The files of a form; what is wrong with the form itself becomes an AppError. */
async function* filesOf(request: FastifyRequest): AsyncGenerator<MultipartFile> {
  try {
    yield* request.files();
  } catch (cause) {
    throw new AppError(
      'MULTIPART_INVALID',
      `the form cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      { hint: 'Send it again, with at most 1000 files: curl -F file=@pkg.rpm <url>.', cause },
    );
  }
}

/** One file answers for itself; several answer 207 when one of them failed. */
function answerForm(
  request: FastifyRequest,
  reply: FastifyReply,
  results: readonly FileResult[],
): FastifyReply {
  const errors = results.flatMap((result) => ('error' in result ? [result.error] : []));
  const [only] = errors;
  if (only !== undefined && results.length === 1) throw only;
  reply.code(errors.length > 0 ? 207 : formStatus(results));
  const [first] = results;
  if (first !== undefined && 'outcome' in first && first.isPending && results.length === 1) {
    reply.header('location', `/api/v1/uploads/${first.outcome.sha256}`);
  }
  return reply.send(request.wantsJson ? resultDocument(results, request.id) : resultLines(results));
}

function formStatus(results: readonly FileResult[]): 200 | 201 | 202 {
  const accepted = results.filter((result) => 'outcome' in result);
  if (accepted.some(({ isPending }) => isPending)) return 202;
  return accepted.some(({ outcome }) => outcome.outcome === 'created') ? 201 : 200;
}
