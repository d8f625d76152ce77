import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.ts';
import type { UploadOutcome } from '../../api/upload-outcome.ts';
import type { RepositoryParts, RepositoryName } from '../../rpm/repository-name.ts';
import { noRepository, repositoryOfParams } from '../repository-params.ts';
import type { RepositoryStatus } from '../../indexing/repository-queue.ts';
import type { ReindexRequest } from '../../indexing/repository-requests.ts';
import type { PackageFault, Receipt, SetAside } from '../../storage/records.ts';

export interface ApiRoutesOptions {
  readonly listStatus: () => readonly RepositoryStatus[];
  /** Undefined for a repository that does not exist. */
  readonly statusOf: (repository: RepositoryName) => RepositoryStatus | undefined;
  readonly listSetAside: (repository: RepositoryName) => readonly SetAside[];
  readonly listPackageFaults: (repository: RepositoryName) => readonly PackageFault[];
  /** Of the next packages that were uploaded to a repository, behind a location; none at the end. */
  readonly receiptsAfter: (repository: RepositoryName, location: string) => Promise<readonly Receipt[]>;
  /**
   * Requests a run now, durably, trying the packages again that are set aside; also for a directory that was made by
   * hand since the start.
   * @throws AppError NOT_FOUND.
   */
  readonly reindexNow: (repository: RepositoryName, request: ReindexRequest) => Promise<void>;
  readonly whenPublished: (repository: RepositoryName, waitMs: number) => Promise<'published' | 'pending'>;
  readonly endQuietTime: (repositories: readonly RepositoryName[]) => void;
  /** In the repositories that `mayRead` takes. */
  readonly describeUpload: (
    sha256: string,
    mayRead: (repository: RepositoryName) => boolean,
  ) => UploadOutcome | undefined;
  readonly waitUntilInstallable: (
    outcome: UploadOutcome,
    waitMs: number,
  ) => Promise<UploadOutcome | 'pending'>;
  readonly parseWaitMs: (wait: string | undefined) => number | undefined;
}

type WaitQuery = { readonly wait?: string };
type ReindexQuery = WaitQuery & { readonly full?: string; readonly takeOver?: string };

const JSON_TYPE = 'application/json; charset=utf-8';

const reindexSchema = {
  querystring: {
    type: 'object',
    properties: {
      wait: { type: 'string' },
      full: { type: 'string', enum: ['1'] },
      takeOver: { type: 'string', enum: ['1'] },
    },
  },
} as const;

const schema = { querystring: { type: 'object', properties: { wait: { type: 'string' } } } } as const;

/** /api/v1: what the repositories and uploads are up to, and reindexing on request. */
export async function apiRoutes(app: FastifyInstance, options: ApiRoutesOptions): Promise<void> {
  const readingIt = { needs: { right: 'read', in: 'route' } } as const;

  app.get('/api/v1/repositories', { config: { needs: { right: 'read', in: 'some' } } }, (request) => ({
    repositories: options
      .listStatus()
      .filter(({ repository }) => request.requester.rights.may('read', repository))
      .map((status) => describeStatus(status, request)),
  }));

  app.get<{ Params: RepositoryParts; Querystring: WaitQuery }>(
    '/api/v1/repositories/:releasever/:basearch',
    { schema, config: readingIt },
    async (request, reply) => {
      const { repository } = existing(request.params);
      const waitMs = options.parseWaitMs(request.query.wait);
      const result = await waitForIndex(request, repository, waitMs);
      return reply.code(result === 'pending' ? 202 : 200).send({
        ...describeStatus(existing(request.params), request),
        setAside: options.listSetAside(repository).map(describeSetAside),
        packageFaults: options.listPackageFaults(repository).map(describeFault),
      });
    },
  );

  app.get<{ Params: RepositoryParts }>(
    '/api/v1/repositories/:releasever/:basearch/packages',
    { config: readingIt },
    (request, reply) => {
      const { repository } = existing(request.params);
      return reply.type(JSON_TYPE).send(Readable.from(packagesDocument(repository)));
    },
  );

  app.post<{ Params: RepositoryParts; Querystring: ReindexQuery }>(
    '/api/v1/repositories/:releasever/:basearch/reindex',
    { schema: reindexSchema, config: { needs: { right: 'admin', in: 'route' } } },
    async (request, reply) => {
      const repository = repositoryOfParams(request.params);
      const waitMs = options.parseWaitMs(request.query.wait);
      const trust = request.query.full === undefined ? 'files' : 'nothing';
      const isTakeOver = request.query.takeOver !== undefined;
      await options.reindexNow(repository, { trust, isTakeOver });
      const outcome = isTakeOver ? 'takeover requested' : 'reindex requested';
      request.audit({ outcome, repositories: [repository] });
      const result = waitMs === undefined ? 'pending' : await options.whenPublished(repository, waitMs);
      return reply
        .code(result === 'pending' ? 202 : 200)
        .send(describeStatus(existing(request.params), request));
    },
  );

  app.get<{ Params: { sha256: string }; Querystring: WaitQuery }>(
    '/api/v1/uploads/:sha256',
    { schema, config: { needs: { right: 'read', in: 'some' } } },
    getUpload,
  );

  function existing(params: RepositoryParts): RepositoryStatus {
    const repository = repositoryOfParams(params);
    const status = options.statusOf(repository);
    if (status !== undefined) return status;
    throw noRepository(repository);
  }

  /** In pieces, as it may have megabytes and any client may ask for it. */
  async function* packagesDocument(repository: RepositoryName): AsyncGenerator<string> {
    yield `{"repository":${JSON.stringify(repository)},"packages":[`;
    let last = '';
    for (;;) {
      const receipts = await options.receiptsAfter(repository, last);
      const texts = receipts.map((receipt) => JSON.stringify(describeReceipt(receipt)));
      if (texts.length > 0) yield `${last === '' ? '' : ','}${texts.join()}`;
      else return yield ']}';
      last = receipts.at(-1)?.location ?? '';
    }
  }

  async function waitForIndex(
    request: FastifyRequest,
    repository: RepositoryName,
    waitMs: number | undefined,
  ): Promise<'published' | 'pending'> {
    if (waitMs === undefined) return 'published';
    endQuietTimeFor(request, [repository]);
    try {
      return await options.whenPublished(repository, waitMs);
    } catch (error) {
      throw toldTo(request, [repository], error);
    }
  }

  async function waitForUpload(
    request: FastifyRequest,
    known: UploadOutcome,
    waitMs: number | undefined,
  ): Promise<UploadOutcome | 'pending'> {
    if (waitMs === undefined) return known;
    const waiting = known.places.filter(({ state }) => state === 'waiting');
    endQuietTimeFor(request, repositoriesOf(waiting));
    try {
      return await options.waitUntilInstallable(known, waitMs);
    } catch (error) {
      throw toldTo(request, repositoriesOf(known.places), error);
    }
  }

  /** A client that may only read waits, and changes nothing. */
  function endQuietTimeFor(request: FastifyRequest, repositories: readonly RepositoryName[]): void {
    options.endQuietTime(repositories.filter((repository) => mayUpload(request, repository)));
  }

  async function getUpload(
    request: FastifyRequest<{ Params: { sha256: string }; Querystring: WaitQuery }>,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const waitMs = options.parseWaitMs(request.query.wait);
    const { rights } = request.requester;
    const known = options.describeUpload(request.params.sha256.toLowerCase(), (repository) =>
      rights.may('read', repository),
    );
    if (known === undefined) {
      throw new AppError('NOT_FOUND', 'no package with this sha256 was accepted', {
        hint: 'Upload it; sending a package again is always safe.',
      });
    }
    const settled = await waitForUpload(request, known, waitMs);
    const isWaiting = settled === 'pending' || settled.places.some(({ state }) => state === 'waiting');
    return reply.code(isWaiting ? 202 : 200).send(settled === 'pending' ? known : settled);
  }
}

function repositoriesOf(places: UploadOutcome['places']): readonly RepositoryName[] {
  return places.map(({ repository }) => repository);
}

function mayUpload(request: FastifyRequest, repository: RepositoryName): boolean {
  const { rights, isProven } = request.identifyFor('upload');
  return isProven && rights.may('upload', repository);
}

/** What tools of the server say may hold its paths: that is for clients that may change the repository. */
function toldTo(request: FastifyRequest, repositories: readonly RepositoryName[], error: unknown): unknown {
  const isFault = error instanceof AppError && error.statusCode >= 500;
  if (!isFault || repositories.every((repository) => mayUpload(request, repository))) return error;
  return withoutDetail(error);
}

function withoutDetail({ code, cause }: AppError): AppError {
  return new AppError(code, 'the last index run failed', {
    hint: 'The log of the service has the cause, and so has this answer for a client that may upload there.',
    cause,
  });
}

function describeStatus(
  { repository, state, published, lastError: error, waitingSinceMs, progress }: RepositoryStatus,
  request: FastifyRequest,
): object {
  const isDetailTold = error === undefined || mayUpload(request, repository);
  const lastError = isDetailTold ? error : withoutDetail(error);
  return {
    repository,
    state,
    packageCount: published?.packageCount ?? 0,
    revision: published?.revision ?? null,
    progress: progress ?? null,
    waitingSince: waitingSinceMs === undefined ? null : new Date(waitingSinceMs).toISOString(),
    lastError:
      lastError === undefined
        ? null
        : { code: lastError.code, detail: lastError.message, hint: lastError.hint },
  };
}

function describeSetAside({ location, identity, reason, sinceMs }: SetAside): object {
  return { location, identity, reason, since: new Date(sinceMs).toISOString() };
}

function describeFault({ location, identity, code, reason, sinceMs }: PackageFault): object {
  return { location, identity, code, reason, since: new Date(sinceMs).toISOString() };
}

function describeReceipt(receipt: Receipt): object {
  const { location, nevra, sha256, sizeBytes, placedAtMs, publishedAtMs, receivedSha256, signature } =
    receipt;
  return {
    location,
    nevra,
    sha256,
    sizeBytes,
    placedAt: new Date(placedAtMs).toISOString(),
    publishedAt: publishedAtMs === undefined ? null : new Date(publishedAtMs).toISOString(),
    ...(receivedSha256 !== undefined && { receivedSha256 }),
    ...(signature !== undefined && { signature }),
  };
}
