import { workerData } from 'node:worker_threads';
import { answerJobs } from '../../../base/threads/answer-jobs.ts';
import { followSteps, haveNameCounts, readPackageNames } from '../../../storage/package-names.ts';
import { buildIndex } from './build-index.ts';
import type { BuiltIndex, IndexJob } from '../../index-engine.ts';
import { createRebuildPool } from './rebuild-steps.ts';
import { IndexStates } from './index-state.ts';
import { SettledNames } from './settled-names.ts';

// The main of an indexing thread, as boot/start-service.ts is that of the process.
const rebuildPool = createRebuildPool();
const states = new IndexStates(String(workerData.stateDir));
const settledNames = new SettledNames({ follow: followSteps, haveCounts: haveNameCounts });
const readNames = readPackageNames;

answerJobs(
  (job: IndexJob, tell): Promise<BuiltIndex> =>
    buildIndex(job, { states, rebuildPool, readNames, settledNames, now: Date.now, tell }),
);
