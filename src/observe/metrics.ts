import { Counter, Histogram, Registry } from 'prom-client';
import type { UploadStage } from '../intake/upload-stage.ts';
import { createGauges, type GaugeSources } from './gauges.ts';

/** Counts and measures of the service, in Prometheus's terms. */
export interface Metrics {
  readonly registry: Registry;
  readonly countUpload: (outcome: string, sizeBytes: number) => void;
  readonly timed: <T>(stage: UploadStage, task: () => Promise<T>) => Promise<T>;
  /** Measures one index run and counts how it ended. */
  readonly indexRun: <T>(task: () => Promise<T>) => Promise<T>;
}

// A stage of an upload takes from a tenth of a millisecond to seconds, an index run up to minutes.
const STAGE_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const RUN_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Builds the registry. */
export function createMetrics(sources: GaugeSources): Metrics {
  const registry = new Registry();
  for (const gauge of createGauges(sources)) registry.registerMetric(gauge);
  return { registry, ...uploadMetrics(registry), ...indexRunMetrics(registry) };
}

function uploadMetrics(registry: Registry): Pick<Metrics, 'countUpload' | 'timed'> {
  const registers = [registry];
  const uploads = new Counter({
    name: 'rpmyard_uploads_total',
    help: 'Files that were uploaded, by outcome: created, unchanged, staged, or the error code.',
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
  startAtZero(uploads, ['created', 'unchanged']);
  return {
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
  };
}

function indexRunMetrics(registry: Registry): Pick<Metrics, 'indexRun'> {
  const registers = [registry];
  const runs = new Counter({
    name: 'rpmyard_index_runs_total',
    help: 'Index runs by result: published or failed.',
    labelNames: ['result'],
    registers,
  });
  const seconds = new Histogram({
    name: 'rpmyard_index_run_seconds',
    help: 'Seconds of an index run.',
    buckets: RUN_BUCKETS,
    registers,
  });
  startAtZero(runs, ['published', 'failed']);
  return {
    indexRun: async (task) => {
      const stop = seconds.startTimer();
      let result = 'failed';
      try {
        const published = await task();
        result = 'published';
        return published;
      } finally {
        stop();
        runs.inc({ result });
      }
    },
  };
}

/** A counter that begins at 1 has never risen for Prometheus, which would miss the first failure. */
function startAtZero(counter: Counter, values: readonly string[]): void {
  for (const value of values) counter.labels(value).inc(0);
}
