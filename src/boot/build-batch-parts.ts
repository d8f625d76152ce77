import type { Config } from '../base/config/load.ts';
import { createRepositoryQuota } from '../indexing/repository-quota.ts';
import { createBodyRoom } from '../intake/body-room.ts';
import { findPackageWarnings } from '../intake/find-package-warnings.ts';
import { refuseUnfitTexts } from '../intake/find-text-warnings.ts';
import type { BatchParts } from '../intake/ingest-parts.ts';
import { describeStoredPackage } from '../intake/inspect-package.ts';
import type { InspectionThreads } from '../intake/inspection-threads.ts';
import { checkPackageSignature } from '../trust/check-package-signature.ts';
import type { SignaturePolicy } from '../trust/open-signature-policy.ts';
import type { IndexRuns } from './open-index-runs.ts';
import type { Tree } from './open-tree.ts';

/** What an upload and the commit of a batch need, from inspection to place. */
export function buildBatchParts(
  config: Config,
  { layout, storage, takeTurns }: Tree,
  parts: {
    readonly runs: IndexRuns;
    readonly inspectionThreads: InspectionThreads;
    readonly signatures: SignaturePolicy;
    readonly prepareRepository: BatchParts['prepareRepository'];
  },
): BatchParts {
  const { runs, inspectionThreads, signatures, prepareRepository } = parts;
  const { queue, metrics } = runs;
  const { spareBytes, demandReserve } = runs.reserve;
  const now = Date.now;
  return {
    batches: storage.batches,
    layout,
    places: storage.openPlaces({
      queue,
      describe: (path) => describeStoredPackage(path, inspectionThreads),
    }),
    records: storage.records,
    queue,
    inspectionThreads,
    checkSignature: (signed, repositories) =>
      checkPackageSignature(signed, repositories, signatures.findKeyring),
    checkDescribable: (rpm) => refuseUnfitTexts(config.reindex.engine, rpm),
    findWarnings: findPackageWarnings,
    signing: signatures.signing,
    takeTurns,
    prepareRepository,
    admitRepositories: createRepositoryQuota({
      // The queue may know one that is not made yet.
      isKnown: (repository) => storage.repositories.has(repository),
      listKnown: () => queue.listStatus().map(({ repository }) => repository),
      now,
    }),
    demandReserve,
    bodyRoom: createBodyRoom({
      demandReserve: (comingBytes) => demandReserve([], comingBytes),
      spareBytes,
      nowMs: () => performance.now(),
    }),
    publicUrl: config.server.publicUrl,
    timed: metrics.timed,
    now,
  };
}
