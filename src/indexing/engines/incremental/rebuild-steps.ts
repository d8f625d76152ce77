import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { WorkerPool } from '../../../base/threads/worker-pool.ts';
import type { IndexJob, IndexProgress } from '../../index-engine.ts';
import { GROUP_BYTES, type PlanStep, stepBytes } from './plan-groups.ts';
import { rebuildGroups, type RebuildJob, type RebuiltGroups } from './rebuild-groups.ts';

export type RebuildPool = Pick<WorkerPool<RebuildJob, RebuiltGroups>, 'run' | 'close'>;

export interface RebuildParts {
  readonly rebuildPool: RebuildPool;
  readonly tell: (progress: IndexProgress) => void;
}

/** All groups of the new index in order of location, and what became of the packages that were to be described. */
export type RebuiltSteps = RebuiltGroups;

const NOTHING: RebuiltGroups = { groups: [], described: [], leftOut: [], damaged: [], gone: [] };

// Starting threads takes longer than rebuilding a few groups here.
const INLINE_BYTES = 4 * GROUP_BYTES;
// Few packages have much text only when they have hundreds of thousands of files: they run one after the other, for
// memory.
const INLINE_PACKAGES = 16;
// A thread takes a fifth of a second to start, and twice the time until its code is compiled.
const IDLE_MS = 60_000;

/** Rebuilds what a plan says, in threads when it is much. */
export async function rebuildSteps(
  plan: readonly PlanStep[],
  { repositoryDir, scratchDir, format }: IndexJob,
  by: RebuildParts,
): Promise<RebuiltSteps> {
  const jobs = new Map<PlanStep, RebuildJob>();
  for (const step of plan) {
    if ('reuse' in step) continue;
    const segmentsPath = join(scratchDir, `segments-${randomUUID()}`);
    jobs.set(step, { repositoryDir, pieces: step.rebuild, format, segmentsPath });
  }
  const results = await doJobs([...jobs.values()], countPackages([...jobs.keys()]), by);
  const parts = plan.map((step): RebuiltGroups => {
    if ('reuse' in step) return { ...NOTHING, groups: [step.reuse] };
    return results.get(jobs.get(step)) ?? NOTHING;
  });
  return {
    groups: parts.flatMap(({ groups }) => groups),
    described: parts.flatMap(({ described }) => described),
    leftOut: parts.flatMap(({ leftOut }) => leftOut),
    damaged: parts.flatMap(({ damaged }) => damaged),
    gone: parts.flatMap(({ gone }) => gone),
  };
}

function countPackages(steps: readonly PlanStep[]): number {
  return steps.reduce((sum, step) => sum + stepBytes(step), 0);
}

async function doJobs(
  jobs: readonly RebuildJob[],
  totalBytes: number,
  { rebuildPool, tell }: RebuildParts,
): Promise<ReadonlyMap<RebuildJob | undefined, RebuiltGroups>> {
  const total = jobs.reduce((sum, { pieces }) => sum + pieces.length, 0);
  const results = new Map<RebuildJob, RebuiltGroups>();
  let done = 0;
  const note = (job: RebuildJob, result: RebuiltGroups): void => {
    results.set(job, result);
    done += job.pieces.length;
    tell({ done, total });
  };

  if (totalBytes <= INLINE_BYTES || total <= INLINE_PACKAGES) {
    for (const job of jobs) note(job, rebuildGroups(job));
    return results;
  }
  const givingUp = new AbortController();
  const { signal } = givingUp;
  const runs = jobs.map(async (job) => note(job, await rebuildPool.run(job, { signal })));
  try {
    await Promise.all(runs);
    return results;
  } catch (error) {
    // The other threads would write into a directory that is about to be removed.
    givingUp.abort();
    await Promise.allSettled(runs);
    throw error;
  }
}

/** Threads that rebuild, one a processor. */
export function createRebuildPool(): RebuildPool {
  return new WorkerPool(availableParallelism(), startWorker, { idleMs: IDLE_MS });
}

function startWorker(): Worker {
  // In a checkout this file is TypeScript, in a published package JavaScript; the worker lies beside it.
  return new Worker(new URL(`./rebuild-worker${extname(import.meta.url)}`, import.meta.url), {
    resourceLimits: { maxYoungGenerationSizeMb: 32 },
  });
}
