import { workerData } from 'node:worker_threads';
import { answerJobs } from '../../../base/threads/answer-jobs.ts';
import { listPackages } from '../../../storage/list-packages.ts';
import { buildIndex } from './build-index.ts';
import type { BuiltIndex, IndexJob } from '../../index-engine.ts';
import { createRebuildPool } from './rebuild-steps.ts';
import { IndexStates } from './index-state.ts';

// The main of an indexing thread, as boot/start-service.ts is that of the process.
const rebuildPool = createRebuildPool();
const states = new IndexStates(String(workerData.stateDir));

answerJobs(
  (job: IndexJob, tell): Promise<BuiltIndex> =>
    buildIndex(job, { states, rebuildPool, listPackages, now: Date.now, tell }),
);
