import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RepositoryParts, RepositoryName } from '../../rpm/repository-name.ts';
import { repositoryOfParams } from '../repository-params.ts';
import type { Requester } from '../../trust/requester.ts';
import { AppError, errnoOf } from '../../errors.ts';
import { digestOfFile } from '../../base/files/file-digest.ts';
import { tooLarge } from '../../intake/body-errors.ts';
import type { BodyRoom } from '../../intake/body-room.ts';
import { expectedDigests } from '../upload/expected-digests.ts';
import { demandPreconditions, isConditional, isNotModified, readPreconditions } from './preconditions.ts';
import type { Condition, KeptMetadata } from '../../indexing/repository-requests.ts';
import type { FoundForeign } from '../../indexing/find-foreign.ts';
import type { KeptChange } from '../../indexing/foreign-metadata.ts';
import type { ExpectedDigest } from '../../intake/spooled-upload.ts';
import { streamToSpool } from '../../intake/stream-to-spool.ts';
import { STALL_MS } from '../upload-options.ts';
import { parseWaitMs, remainingMs } from '../wait-query.ts';

export interface MetadataRoutesOptions {
  readonly spoolDir: string;
  readonly incomingDir: string;
  readonly room: BodyRoom;
  /** Before the body is received. @throws AppError NOT_FOUND, PARAMETER_INVALID, QUOTA_REACHED; what the condition throws. */
  readonly checkTarget: (repository: RepositoryName, type: string, condition?: Condition) => Promise<void>;
  /**
   * Checks the file when its turn has come, keeps it for the next run of the repository, and requests that run.
   * @throws AppError METADATA_INVALID, QUOTA_REACHED, STORAGE_FULL; the signal's reason; what the condition throws.
   */
  readonly putMetadata: (
    repository: RepositoryName,
    type: string,
    put: {
      readonly path: string;
      readonly requester: Requester;
      readonly signal: AbortSignal;
      readonly condition: Condition | undefined;
    },
  ) => Promise<KeptMetadata>;
  /** @throws AppError NOT_FOUND, PARAMETER_INVALID; what the condition throws. */
  readonly removeMetadata: (
    repository: RepositoryName,
    type: string,
    condition: Condition | undefined,
  ) => Promise<KeptChange>;
  /** @throws AppError NOT_FOUND, PARAMETER_INVALID. */
  readonly findMetadata: (repository: RepositoryName, type: string) => Promise<FoundForeign>;
  /** @throws AppError NOT_FOUND. */
  readonly listMetadata: (repository: RepositoryName) => Promise<readonly FoundForeign[]>;
  /** The uncompressed bytes of a metadata file. */
  readonly openContent: (path: string) => AsyncGenerator<Uint8Array>;
  readonly whenPublished: (repository: RepositoryName, waitMs: number) => Promise<'published' | 'pending'>;
  readonly removeIncoming: (path: string) => void;
}

interface MetadataParams extends RepositoryParts {
  readonly type: string;
}

// nginx/server.conf has the same limit for /api/.
const MAX_METADATA_BYTES = 256 * 1024 * 1024;

const schema = { querystring: { type: 'object', properties: { wait: { type: 'string' } } } } as const;

// It comes from any client that may upload: no browser is to take it for a page of this site.
const CONTENT_HEADERS = { 'x-content-type-options': 'nosniff', 'content-security-policy': 'sandbox' };

const BASE = '/api/v1/repositories/:releasever/:basearch/metadata';

/** Metadata that is not derived from packages: comps, updateinfo, modules, ... */
export async function metadataRoutes(app: FastifyInstance, options: MetadataRoutesOptions): Promise<void> {
  const { room } = options;
  app.removeAllContentTypeParsers();
  // The body stays a stream until streamToSpool reads it.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  const reading = { needs: { right: 'read', in: 'route' } } as const;

  app.get<{ Params: RepositoryParts }>(BASE, { config: reading }, async (request) => {
    const repository = repositoryOfParams(request.params);
    const found = await options.listMetadata(repository);
    return {
      repository,
      metadata: found.map(({ type, openSha256, state }) => ({ type, etag: etagOf(openSha256), state })),
    };
  });

  app.get<{ Params: MetadataParams }>(`${BASE}/:type`, { config: reading }, (request, reply) =>
    sendContent(request, reply),
  );

  app.put<{ Params: MetadataParams; Querystring: { readonly wait?: string } }>(
    `${BASE}/:type`,
    { schema, config: { needs: { right: 'upload', in: 'route' } } },
    async (request, reply) => {
      const { type } = request.params;
      const repository = repositoryOfParams(request.params);
      const waitMs = parseWaitMs(request.query.wait);
      const digests = expectedDigests(request.headers);
      const condition = conditionOf(request);
      await options.checkTarget(repository, type, condition);
      const sentBytes = Number(request.headers['content-length'] ?? Number.NaN);
      if (sentBytes > MAX_METADATA_BYTES) throw tooLarge(MAX_METADATA_BYTES);
      if (sentBytes > 0) room.demandRoom(sentBytes);
      if (request.headers.expect !== undefined) reply.raw.writeContinue();
      const limits = { maxUploadBytes: MAX_METADATA_BYTES, stallMs: STALL_MS, room };
      const { path, sizeBytes, sha256 } = await streamToSpool(request.raw, options, limits).finally(() => {
        // An unread rest would keep the connection open until the idle limit.
        request.raw.resume();
      });
      const put = async (): Promise<KeptMetadata> => {
        request.requester = await request.requester.proveBy(path);
        for (const digest of digests) await checkDigest(path, digest);
        // Checks take turns, in which a connection is silent for longer than its idle limit.
        request.raw.setTimeout(0);
        const { requester } = request;
        return options.putMetadata(repository, type, { path, requester, signal: whenGone(reply), condition });
      };
      using kept = await put().finally(() => options.removeIncoming(path));
      request.audit({ outcome: `${type} kept`, sha256, sizeBytes, repositories: [repository] });
      const state = await stateOf(kept, { repository, type, waitMs, reply });
      const etag = etagOf(kept.openSha256);
      reply.header('etag', etag).code(state === 'waiting' ? 202 : 200);
      return { repository, type, sha256, sizeBytes, etag, state };
    },
  );

  app.delete<{ Params: MetadataParams; Querystring: { readonly wait?: string } }>(
    `${BASE}/:type`,
    { schema, config: { needs: { right: 'delete', in: 'route' } } },
    async (request, reply) => {
      const { type } = request.params;
      const repository = repositoryOfParams(request.params);
      const waitMs = parseWaitMs(request.query.wait);
      using kept = await options.removeMetadata(repository, type, conditionOf(request));
      request.audit({ outcome: `${type} removed`, repositories: [repository] });
      const state = await stateOf(kept, { repository, type, waitMs, reply });
      reply.code(state === 'waiting' ? 202 : 200);
      return { repository, type, state: state === 'published' ? 'removed' : state };
    },
  );

  async function sendContent(
    request: FastifyRequest<{ Params: MetadataParams }>,
    reply: FastifyReply,
    attemptsLeft = 2,
  ): Promise<FastifyReply> {
    const { type } = request.params;
    const repository = repositoryOfParams(request.params);
    if (attemptsLeft === 0) throw unreadable(repository, type);
    const preconditions = readPreconditions(request.headers);
    const found = await options.findMetadata(repository, type);
    const etag = etagOf(found.openSha256);
    reply.header('etag', etag).header('cache-control', 'no-cache');
    if (isNotModified(preconditions, etag)) return reply.code(304).send();
    const content = options.openContent(found.path);
    const start = await startOf(content).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT' || found.state !== 'waiting') throw error;
      return undefined;
    });
    // A run has published it meanwhile, under another name.
    if (start === undefined) return sendContent(request, reply, attemptsLeft - 1);
    reply.type(mediaTypeOf(start)).headers(CONTENT_HEADERS);
    if (request.method === 'HEAD') {
      await content.return(undefined);
      return reply.send();
    }
    const body = Readable.from(content);
    body.unshift(start);
    return reply.send(body);
  }

  /** @throws AppError METADATA_REPLACED, STORAGE_FAILED, of a failed run. */
  async function stateOf(kept: KeptChange, asked: AskedChange): Promise<'published' | 'waiting'> {
    const { repository, type, waitMs, reply } = asked;
    const waited =
      waitMs === undefined ? undefined : options.whenPublished(repository, remainingMs(waitMs, reply));
    const failure = await waited?.then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    const fate = kept.fate();
    if (fate === 'replaced') throw replaced(repository, type);
    if (fate === 'damaged') throw damaged(repository, type);
    if (fate === 'waiting' && failure !== undefined) throw failure.error;
    return fate;
  }
}

interface AskedChange {
  readonly repository: RepositoryName;
  readonly type: string;
  /** Undefined when the client does not wait. */
  readonly waitMs: number | undefined;
  readonly reply: FastifyReply;
}

function etagOf(openSha256: string): string {
  return `"${openSha256}"`;
}

function conditionOf({ headers }: FastifyRequest): Condition | undefined {
  const preconditions = readPreconditions(headers);
  if (!isConditional(preconditions)) return undefined;
  return (openSha256) =>
    demandPreconditions(preconditions, openSha256 === undefined ? undefined : etagOf(openSha256));
}

async function startOf(content: AsyncGenerator<Uint8Array>): Promise<Uint8Array> {
  const first = await content.next();
  return first.done === true ? Buffer.alloc(0) : first.value;
}

function mediaTypeOf(start: Uint8Array): string {
  if (start.includes(0)) return 'application/octet-stream';
  const isXml = /^(?:\xef\xbb\xbf)?\s*</.test(Buffer.from(start).toString('latin1', 0, 1024));
  return isXml ? 'application/xml; charset=utf-8' : 'text/plain; charset=utf-8';
}

function replaced(repository: RepositoryName, type: string): AppError {
  return new AppError(
    'METADATA_REPLACED',
    `a later change of ${type} of ${repository} took the place of this one before it was published`,
    {
      hint: 'GET what is there now; if yours belongs into it, put both together with If-Match and the ETag of that answer.',
    },
  );
}

function unreadable(repository: RepositoryName, type: string): AppError {
  return new AppError('STORAGE_FAILED', `${type} of ${repository} was gone each time it was opened`, {
    hint: 'Ask again; if it fails again, the administrator should look at the disk of state_dir.',
  });
}

function damaged(repository: RepositoryName, type: string): AppError {
  return new AppError(
    'STORAGE_FAILED',
    `${type} of ${repository} was damaged on the disk before it was published`,
    {
      hint: 'Send it again; the administrator should look at the disk of state_dir.',
    },
  );
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
