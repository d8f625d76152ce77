import type { Config } from '../base/config/load.ts';
import { openMetadata } from '../base/unpack/open-metadata.ts';
import type { AppParts } from '../http/app.ts';
import { outcomeLine, waitingLine } from '../http/render-outcome.ts';
import type { IncomingFiles } from '../intake/incoming-files.ts';
import { nameOwner } from '../trust/requester.ts';
import type { Pipeline } from './open-pipeline.ts';
import type { Tree } from './open-tree.ts';

interface RouteSources {
  readonly config: Config;
  readonly tree: Tree;
  readonly pipeline: Pipeline;
  readonly incomingFiles: IncomingFiles;
}

// Read and written within some milliseconds.
const RECEIPTS_A_PIECE = 200;

/** What each group of routes asks of the service. */
export function buildRouteOptions(
  sources: RouteSources,
): Pick<AppParts, 'upload' | 'metadata' | 'batches' | 'api' | 'health'> {
  return {
    upload: uploadOptions(sources),
    metadata: metadataOptions(sources),
    batches: batchOptions(sources),
    api: repositoryOptions(sources),
    health: { findFaults: sources.pipeline.findFaults },
  };
}

function uploadOptions({ config, tree, pipeline, incomingFiles }: RouteSources): AppParts['upload'] {
  return {
    ...config.server,
    ...tree.folders,
    quietMs: config.reindex.quietMs,
    publicUrl: config.server.publicUrl,
    room: pipeline.bodyRoom,
    ingest: async (upload, request) => {
      const outcome = await pipeline.ingest(upload);
      const { nevra, sha256, sizeBytes, warnings, places } = outcome;
      const repositories = places.map(({ repository }) => repository);
      const facts = { nevra, sha256, sizeBytes, repositories };
      request.log.info({ ...facts, ...(warnings && { warnings }) }, `package ${outcome.outcome}`);
      return outcome;
    },
    waitUntilInstallable: pipeline.hurryUntilInstallable,
    removeIncoming: incomingFiles.remove,
    countUpload: pipeline.metrics.countUpload,
  };
}

function metadataOptions({ tree, pipeline, incomingFiles }: RouteSources): AppParts['metadata'] {
  const { queue, requests } = pipeline;
  return {
    ...tree.folders,
    room: pipeline.bodyRoom,
    checkTarget: requests.checkMetadataTarget,
    putMetadata: (repository, type, { requester, signal, ...put }) =>
      requests.putMetadata(repository, type, { ...put, sender: { owner: nameOwner(requester), signal } }),
    removeMetadata: requests.removeMetadata,
    findMetadata: requests.findMetadata,
    listMetadata: requests.listMetadata,
    openContent: openMetadata,
    whenPublished: (repository, waitMs) => {
      queue.hurry([repository]);
      return queue.of(repository).whenPublished(waitMs);
    },
    removeIncoming: incomingFiles.remove,
  };
}

function batchOptions({ config, pipeline }: RouteSources): AppParts['batches'] {
  return {
    ...pipeline.batches,
    lineOf: (outcome, state) =>
      state === 'pending' ? waitingLine(outcome, config.server) : outcomeLine(outcome, config.reindex),
    waitUntilInstallable: pipeline.hurryUntilInstallable,
  };
}

function repositoryOptions({ tree, pipeline }: RouteSources): AppParts['api'] {
  const { queue, requests, longWork } = pipeline;
  const { records } = tree.storage;
  return {
    listStatus: () => queue.listStatus(),
    statusOf: (repository) => queue.statusOf(repository),
    listSetAside: (repository) => records.listSetAside(repository),
    listPackageFaults: (repository) => records.listPackageFaults(repository),
    receiptsAfter: (repository, location) =>
      longWork.piece(() => records.receiptsAfter(repository, location, RECEIPTS_A_PIECE)),
    reindexNow: requests.reindexNow,
    whenPublished: (repository, waitMs) => queue.of(repository).whenPublished(waitMs),
    endQuietTime: (repositories) => queue.hurry(repositories),
    describeUpload: pipeline.describeUpload,
    waitUntilInstallable: pipeline.waitUntilInstallable,
  };
}
