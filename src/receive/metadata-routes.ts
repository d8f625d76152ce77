import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Requester } from '../access/requester.ts';
import { AppError } from '../errors.ts';
import { digestOfFile } from '../file-digest.ts';
import { tooLarge } from './body-errors.ts';
import type { BodyRoom } from './body-room.ts';
import { expectedDigests } from './expected-digests.ts';
import type { ExpectedDigest } from './spooled-upload.ts';
import { streamToSpool } from './stream-to-spool.ts';
import { STALL_MS } from './upload-options.ts';
import { parseWaitMs, remainingMs } from './wait-query.ts';

export interface MetadataRoutesOptions {
  readonly spoolDir: string;
  readonly incomingDir: string;
  readonly room: BodyRoom;
  /** Before the body is received. @throws AppError NOT_FOUND, PARAMETER_INVALID, QUOTA_REACHED. */
  readonly checkTarget: (repository: string, type: string) => Promise<void>;
  /**
   * Checks the file when its turn has come, keeps it for the next run of the repository, and requests that run.
   * @throws AppError METADATA_INVALID, QUOTA_REACHED, STORAGE_FULL; the signal's reason.
   */
  readonly putMetadata: (
    repository: string,
    type: string,
    path: string,
    sender: { readonly requester: Requester; readonly signal: AbortSignal },
  ) => Promise<void>;
  readonly whenPublished: (repository: string, waitMs: number) => Promise<'published' | 'pending'>;
  readonly removeIncoming: (path: string) => void;
}

interface MetadataParams {
  readonly releasever: string;
  readonly basearch: string;
  readonly type: string;
}

// nginx/rpmyard.conf has the same limit for /api/.
const MAX_METADATA_BYTES = 256 * 1024 * 1024;

const schema = { querystring: { type: 'object', properties: { wait: { type: 'string' } } } } as const;

/** PUT of metadata that is not derived from packages: comps, updateinfo, modules, ... */
export async function metadataRoutes(app: FastifyInstance, options: MetadataRoutesOptions): Promise<void> {
  const { room } = options;
  app.removeAllContentTypeParsers();
  // The body stays a stream until streamToSpool reads it.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));

  app.put<{ Params: MetadataParams; Querystring: { readonly wait?: string } }>(
    '/api/v1/repositories/:releasever/:basearch/metadata/:type',
    { schema, config: { needs: { right: 'upload', in: 'route' } } },
    async (request, reply) => {
      const { releasever, basearch, type } = request.params;
      const repository = `${releasever}/${basearch}`;
      const waitMs = parseWaitMs(request.query.wait);
      const digests = expectedDigests(request.headers);
      await options.checkTarget(repository, type);
      const sentBytes = Number(request.headers['content-length'] ?? Number.NaN);
      if (sentBytes > MAX_METADATA_BYTES) throw tooLarge(MAX_METADATA_BYTES);
      if (sentBytes > 0) room.demandRoom(sentBytes);
      if (request.headers.expect !== undefined) reply.raw.writeContinue();
      const limits = { maxUploadBytes: MAX_METADATA_BYTES, stallMs: STALL_MS, room };
      const { path, sizeBytes, sha256 } = await streamToSpool(request.raw, options, limits).finally(() => {
        // An unread rest would keep the connection open until the idle limit.
        request.raw.resume();
      });
      try {
        request.requester = await request.requester.proveBy(path);
        for (const digest of digests) await checkDigest(path, digest);
        // Checks take turns, in which a connection is silent for longer than its idle limit.
        request.raw.setTimeout(0);
        const sender = { requester: request.requester, signal: whenGone(reply) };
        await options.putMetadata(repository, type, path, sender);
      } finally {
        options.removeIncoming(path);
      }
      request.audit({ outcome: `${type} kept`, sha256, sizeBytes, repositories: [repository] });
      const result =
        waitMs === undefined
          ? 'pending'
          : await options.whenPublished(repository, remainingMs(waitMs, reply));
      const state = result === 'pending' ? 'waiting' : 'published';
      return reply
        .code(result === 'pending' ? 202 : 200)
        .send({ repository, type, sha256, sizeBytes, state });
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
