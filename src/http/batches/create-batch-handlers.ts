import type { BatchDocument, BatchSummaryDocument } from '../../api/batch-documents.ts';
import { type BatchSummary, contentOf } from '../../storage/batch-store.ts';
import type { BatchOptions } from '../batch-options.ts';
import type { RequestOf, RouteHandlers } from '../routes.ts';
import { answerCommit } from './answer-commit.ts';

type BatchHandlers = Pick<RouteHandlers, 'listBatches' | 'getBatch' | 'commitBatch' | 'dropBatch'>;

/** Packages that appear together or not at all. Members come in as uploads that name the batch. */
export function createBatchHandlers(options: BatchOptions): BatchHandlers {
  return {
    listBatches: async ({ requester }) => {
      const batches = await options.list(requester);
      return { batches: batches.map((batch) => describe(batch, options)) };
    },
    getBatch: (request) => getBatch(request, options),
    commitBatch: (request, reply) => answerCommit(request, reply, options),
    dropBatch: async (request, reply) => {
      const { id } = request.params;
      await options.drop(id, request.requester);
      request.audit({ outcome: 'batch dropped', batch: id });
      return reply.code(204).send();
    },
  };
}

async function getBatch(
  { params, requester }: RequestOf<'getBatch'>,
  options: BatchOptions,
): Promise<BatchDocument> {
  const batch = await options.read(params.id, requester);
  const packages = await options.outcomesOf(batch);
  return { ...describe({ ...batch, ...contentOf(batch.members) }, options), packages };
}

function describe(
  { id, state, packageCount, sizeBytes, repositories, changedAtMs }: BatchSummary,
  { keepMs }: Pick<BatchOptions, 'keepMs'>,
): BatchSummaryDocument {
  return {
    batch: id,
    state,
    packageCount,
    sizeBytes,
    repositories,
    changedAt: new Date(changedAtMs).toISOString(),
    keptUntil: new Date(changedAtMs + keepMs).toISOString(),
  };
}
