import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { RepositoryStatus } from '../reindex/repository-queue.ts';

/** A part of an upload's time that is measured. */
export type UploadStage = 'inspect' | 'signature' | 'sign' | 'sync' | 'place';

/** What the service counts and measures, in Prometheus's terms. */
export interface Metrics {
  readonly registry: Registry;
  readonly countUpload: (outcome: string, sizeBytes: number) => void;
  readonly timed: <T>(stage: UploadStage, task: () => Promise<T>) => Promise<T>;
  /** Measures one index run and counts how it ended. */
  readonly indexRun: <T>(task: () => Promise<T>) => Promise<T>;
}

// An upload's stages take from a tenth of a millisecond to seconds, an index run up to minutes.
const STAGE_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const RUN_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** What gauges ask when they are read. */
export interface MetricsOptions {
  readonly listStatus: () => readonly RepositoryStatus[];
  readonly countSetAside: (repository: string) => number;
  readonly now: () => number;
}

/** Builds the registry. */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const uploads = new Counter({
    name: 'rpmyard_uploads_total',
    help: 'Uploads by outcome: created, unchanged, or the error code.',
    labelNames: ['outcome'],
    registers,
  });
  const uploadBytes = new Counter({
    name: 'rpmyard_upload_bytes_total',
    help: 'Bytes of accepted packages.',
    registers,
  });
  const stageSeconds = new Histogram({
    name: 'rpmyard_upload_stage_seconds',
    help: 'Seconds that an upload spends in a stage.',
    labelNames: ['stage'],
    buckets: STAGE_BUCKETS,
    registers,
  });
  const indexRuns = new Counter({
    name: 'rpmyard_index_runs_total',
    help: 'Index runs by result: published or failed.',
    labelNames: ['result'],
    registers,
  });
  const indexRunSeconds = new Histogram({
    name: 'rpmyard_index_run_seconds',
    help: 'Seconds of an index run.',
    buckets: RUN_BUCKETS,
    registers,
  });
  addStatusGauges(registry, options);

  return {
    registry,
    countUpload: (outcome, sizeBytes) => {
      uploads.inc({ outcome });
      uploadBytes.inc(sizeBytes);
    },
    timed: async (stage, task) => {
      const stop = stageSeconds.startTimer({ stage });
      try {
        return await task();
      } finally {
        stop();
      }
    },
    indexRun: async (task) => {
      const stop = indexRunSeconds.startTimer();
      let result = 'failed';
      try {
        const published = await task();
        result = 'published';
        return published;
      } finally {
        stop();
        indexRuns.inc({ result });
      }
    },
  };
}

function addStatusGauges(registry: Registry, { listStatus, countSetAside, now }: MetricsOptions): void {
  const packages = new Gauge({
    name: 'rpmyard_packages',
    help: 'Packages in the published index.',
    labelNames: ['repository'],
    registers: [],
    collect() {
      this.reset();
      for (const { repository, published } of listStatus()) {
        this.set({ repository }, published?.packageCount ?? 0);
      }
    },
  });
  const setAside = new Gauge({
    name: 'rpmyard_packages_set_aside',
    help: 'Packages on disk that no index can describe.',
    labelNames: ['repository'],
    registers: [],
    collect() {
      this.reset();
      for (const { repository } of listStatus()) this.set({ repository }, countSetAside(repository));
    },
  });
  const queueLength = new Gauge({
    name: 'rpmyard_queue_length',
    help: 'Repositories that wait for an index run or are in one.',
    registers: [],
    collect() {
      this.set(listStatus().filter(({ state }) => state !== 'clean').length);
    },
  });
  const oldestMarkAge = new Gauge({
    name: 'rpmyard_oldest_mark_age_seconds',
    help: 'Age of the oldest upload that is not in an index yet; 0 when there is none.',
    registers: [],
    collect() {
      const oldest = Math.min(...listStatus().map(({ waitingSinceMs }) => waitingSinceMs ?? now()), now());
      this.set((now() - oldest) / 1000);
    },
  });
  for (const gauge of [packages, setAside, queueLength, oldestMarkAge]) registry.registerMetric(gauge);
}
