import type { FastifyRequest } from 'fastify';
import type { RepositoryStatus } from '../../indexing/repository-schedule.ts';
import type {
  PackageFaultDocument,
  RepositoryStatusDocument,
  SetAsideDocument,
} from '../../api/repository-documents.ts';
import type { PackageFault, SetAside } from '../../storage/records.ts';
import { uploadRightOf, withoutDetail } from './told-to.ts';

/** The state of a repository, as far as the client may know it. */
export async function describeStatus(
  { repository, state, published, lastError: error, waitingSinceMs, progress }: RepositoryStatus,
  request: FastifyRequest,
): Promise<RepositoryStatusDocument> {
  const isDetailTold = error === undefined || (await uploadRightOf(request))(repository);
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

/** A package that is kept out of the index. */
export function describeSetAside({ location, identity, reason, sinceMs }: SetAside): SetAsideDocument {
  return { location, identity, reason, since: new Date(sinceMs).toISOString() };
}

/** A package that is damaged, held back or cannot be described anew. */
export function describeFault({
  location,
  identity,
  code,
  reason,
  sinceMs,
}: PackageFault): PackageFaultDocument {
  return { location, identity, code, reason, since: new Date(sinceMs).toISOString() };
}
