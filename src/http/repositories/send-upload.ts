import type { FastifyReply } from 'fastify';
import type { UploadOutcome } from '../../api/upload-outcome.ts';
import { AppError } from '../../errors.ts';
import type { RepositoryOptions } from '../repository-options.ts';
import type { RequestOf } from '../routes.ts';
import { parseWaitMs } from '../wait-query.ts';
import { endQuietTimeFor, toldTo } from './told-to.ts';
import type { RepositoryName } from '../../rpm/repository-name.ts';

type UploadRequest = RequestOf<'getUpload'>;

/** Tells what became of a package that was taken, in the repositories that the client may read. */
export async function sendUpload(
  request: UploadRequest,
  reply: FastifyReply,
  options: RepositoryOptions,
): Promise<FastifyReply> {
  const waitMs = parseWaitMs(request.query.wait);
  const { rights } = request.requester;
  const known = await options.describeUpload(request.params.sha256.toLowerCase(), (repository) =>
    rights.may('read', repository),
  );
  if (known === undefined) {
    throw new AppError('NOT_FOUND', 'no package with this sha256 was accepted', {
      hint: 'Upload it; sending a package again is always safe.',
    });
  }
  const settled = waitMs === undefined ? known : await waitForUpload(request, { known, waitMs }, options);
  const isWaiting = settled === 'pending' || settled.places.some(({ state }) => state === 'waiting');
  return reply.code(isWaiting ? 202 : 200).send(settled === 'pending' ? known : settled);
}

async function waitForUpload(
  request: UploadRequest,
  { known, waitMs }: { readonly known: UploadOutcome; readonly waitMs: number },
  options: RepositoryOptions,
): Promise<UploadOutcome | 'pending'> {
  const waiting = known.places.filter(({ state }) => state === 'waiting');
  await endQuietTimeFor(request, repositoriesOf(waiting), options);
  try {
    return await options.waitUntilInstallable(known, waitMs);
  } catch (error) {
    throw await toldTo(request, repositoriesOf(known.places), error);
  }
}

function repositoriesOf(places: UploadOutcome['places']): readonly RepositoryName[] {
  return places.map(({ repository }) => repository);
}
