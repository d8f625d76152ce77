import type { FastifyReply } from 'fastify';
import { AppError } from '../../errors.ts';
import type { KeptChange } from '../../indexing/kept-changes.ts';
import type { MetadataOptions } from '../metadata-options.ts';
import { remainingMs } from '../wait-query.ts';
import type { RepositoryName } from '../../rpm/repository-name.ts';

export interface AskedChange {
  readonly repository: RepositoryName;
  readonly type: string;
  /** Undefined when the client does not wait. */
  readonly waitMs: number | undefined;
  readonly reply: FastifyReply;
}

/**
 * What became of a change that is kept, once it is published or the time of the client is up.
 * @throws AppError METADATA_REPLACED, STORAGE_FAILED, of a failed run.
 */
export async function waitForChange(
  kept: KeptChange,
  asked: AskedChange,
  options: Pick<MetadataOptions, 'whenPublished'>,
): Promise<'published' | 'waiting'> {
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

function replaced(repository: RepositoryName, type: string): AppError {
  return new AppError(
    'METADATA_REPLACED',
    `a later change of ${type} of ${repository} took the place of this one before it was published`,
    {
      hint: 'GET what is there now; if yours belongs into it, put both together with If-Match and the ETag of that answer.',
    },
  );
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
