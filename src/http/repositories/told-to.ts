import type { FastifyRequest } from 'fastify';
import { AppError } from '../../errors.ts';
import type { RepositoryOptions } from '../repository-options.ts';
import type { RepositoryName } from '../../rpm/repository-name.ts';

/** Tells of a repository whether the client shows that it may upload there. */
export async function uploadRightOf(
  request: FastifyRequest,
): Promise<(repository: RepositoryName) => boolean> {
  const { rights, isProven } = await request.identifyFor('upload');
  return (repository) => isProven && rights.may('upload', repository);
}

/** Words of the server's tools may hold its paths: they are for clients that may change the repository. */
export async function toldTo(
  request: FastifyRequest,
  repositories: readonly RepositoryName[],
  error: unknown,
): Promise<unknown> {
  const isFault = error instanceof AppError && error.statusCode >= 500;
  if (!isFault || repositories.every(await uploadRightOf(request))) return error;
  return withoutDetail(error);
}

/** The error without the parts for clients that may upload. */
export function withoutDetail({ code, cause }: AppError): AppError {
  return new AppError(code, 'the last index run failed', {
    hint: 'The log of the service has the cause, and so has this answer for a client that may upload there.',
    cause,
  });
}

/** Ends the quiet time where the client may upload: a client that may only read waits, and changes nothing. */
export async function endQuietTimeFor(
  request: FastifyRequest,
  repositories: readonly RepositoryName[],
  { endQuietTime }: Pick<RepositoryOptions, 'endQuietTime'>,
): Promise<void> {
  const mayUpload = await uploadRightOf(request);
  endQuietTime(repositories.filter(mayUpload));
}
