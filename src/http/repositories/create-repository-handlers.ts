import type { FastifyReply } from 'fastify';
import type { RepositoryName, RepositoryParts } from '../../rpm/repository-name.ts';
import type { RepositoryStatus } from '../../indexing/repository-schedule.ts';
import { noRepository } from '../../storage/repositories.ts';
import { parseRepositoryParams } from '../repository-params.ts';
import type { RepositoryOptions } from '../repository-options.ts';
import type { RequestOf, RouteHandlers } from '../routes.ts';
import { describeFault, describeSetAside, describeStatus } from './describe-repository.ts';
import { sendPackages } from './send-packages.ts';
import { sendUpload } from './send-upload.ts';
import { parseWaitMs } from '../wait-query.ts';
import { endQuietTimeFor, toldTo } from './told-to.ts';

type RepositoryHandlers = Pick<
  RouteHandlers,
  'getUpload' | 'listRepositories' | 'getRepository' | 'listPackages' | 'reindexRepository'
>;

/** Tells the state of repositories and uploads, and reindexes on request. */
export function createRepositoryHandlers(options: RepositoryOptions): RepositoryHandlers {
  return {
    getUpload: (request, reply) => sendUpload(request, reply, options),
    listRepositories: async (request) => ({
      repositories: await Promise.all(
        options
          .listStatus()
          .filter(({ repository }) => request.requester.rights.may('read', repository))
          .map((status) => describeStatus(status, request)),
      ),
    }),
    getRepository: (request, reply) => sendRepository(request, reply, options),
    listPackages: (request, reply) => {
      const { repository } = existing(request.params, options);
      return sendPackages(reply, repository, options);
    },
    reindexRepository: (request, reply) => reindexRepository(request, reply, options),
  };
}

function existing(params: RepositoryParts, options: RepositoryOptions): RepositoryStatus {
  const repository = parseRepositoryParams(params);
  const status = options.statusOf(repository);
  if (status !== undefined) return status;
  throw noRepository(repository);
}

async function sendRepository(
  request: RequestOf<'getRepository'>,
  reply: FastifyReply,
  options: RepositoryOptions,
): Promise<FastifyReply> {
  const { repository } = existing(request.params, options);
  const waitMs = parseWaitMs(request.query.wait);
  const result =
    waitMs === undefined ? 'published' : await waitForIndex(request, { repository, waitMs }, options);
  return reply.code(result === 'pending' ? 202 : 200).send({
    ...(await describeStatus(existing(request.params, options), request)),
    setAside: (await options.listSetAside(repository)).map(describeSetAside),
    packageFaults: (await options.listPackageFaults(repository)).map(describeFault),
  });
}

async function waitForIndex(
  request: RequestOf<'getRepository'>,
  { repository, waitMs }: { readonly repository: RepositoryName; readonly waitMs: number },
  options: RepositoryOptions,
): Promise<'published' | 'pending'> {
  await endQuietTimeFor(request, [repository], options);
  try {
    return await options.whenPublished(repository, waitMs);
  } catch (error) {
    throw await toldTo(request, [repository], error);
  }
}

async function reindexRepository(
  request: RequestOf<'reindexRepository'>,
  reply: FastifyReply,
  options: RepositoryOptions,
): Promise<FastifyReply> {
  const repository = parseRepositoryParams(request.params);
  const waitMs = parseWaitMs(request.query.wait);
  const trust = request.query.full === undefined ? 'files' : 'nothing';
  const isTakeOver = request.query.takeOver !== undefined;
  await options.reindexNow(repository, { trust, isTakeOver });
  const outcome = isTakeOver ? 'takeover requested' : 'reindex requested';
  request.audit({ outcome, repositories: [repository] });
  const result = waitMs === undefined ? 'pending' : await options.whenPublished(repository, waitMs);
  return reply
    .code(result === 'pending' ? 202 : 200)
    .send(await describeStatus(existing(request.params, options), request));
}
