import { workerData } from 'node:worker_threads';
import { answerJobs } from './threads/answer-jobs.ts';
import { listPackages } from './place/list-packages.ts';
import { buildIndex } from './reindex/build-index.ts';
import type { BuiltIndex, IndexJob } from './reindex/index-engine.ts';
import { createRebuildPool } from './reindex/rebuild-steps.ts';
import { IndexStates } from './reindex/index-state.ts';

// The main of an indexing thread, as main.ts is that of the process.
const rebuildPool = createRebuildPool();
const states = new IndexStates(String(workerData.stateDir));

answerJobs(
  (job: IndexJob, tell): Promise<BuiltIndex> =>
    buildIndex(job, { states, rebuildPool, listPackages, now: Date.now, tell }),
);
