import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../src/errors.ts';
import type { RepositoryStatus } from '../../src/indexing/repository-schedule.ts';
import type { Fault } from '../../src/observe/find-faults.ts';
import { createMetrics, type Metrics } from '../../src/observe/metrics.ts';
import { eventually } from '../support/eventually.ts';
import { NOTHING } from '../support/gauge-sources.ts';
import { statusOf } from '../support/repository-status.ts';
import { buildTestApp } from '../support/test-app.ts';
import { repo } from '../support/repo.ts';

/** Each sample of the text format: `name{labels}` and its value. */
async function samplesOf({ registry }: Metrics): Promise<ReadonlyMap<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line): [string, number] => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

async function faultsOf({ registry }: Metrics): Promise<readonly string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line.startsWith('rpmyard_faults'));
}

const NAMES = [
  ['rpmyard_uploads_total', 'counter'],
  ['rpmyard_upload_bytes_total', 'counter'],
  ['rpmyard_upload_stage_seconds', 'histogram'],
  ['rpmyard_index_runs_total', 'counter'],
  ['rpmyard_index_run_seconds', 'histogram'],
  ['rpmyard_packages', 'gauge'],
  ['rpmyard_packages_set_aside', 'gauge'],
  ['rpmyard_index_bytes', 'gauge'],
  ['rpmyard_queue_length', 'gauge'],
  ['rpmyard_oldest_mark_age_seconds', 'gauge'],
  ['rpmyard_faults', 'gauge'],
  ['rpmyard_dropped_files_stuck', 'gauge'],
  ['rpmyard_free_bytes', 'gauge'],
  ['rpmyard_build_info', 'gauge'],
  ['process_start_time_seconds', 'gauge'],
  ['process_resident_memory_bytes', 'gauge'],
] as const;

afterEach(() => void vi.useRealTimers());

describe('the metrics', () => {
  it.each(NAMES)('have %s, a %s with a help text', async (name, type) => {
    const text = await createMetrics(NOTHING).registry.metrics();
    expect(text).toMatch(new RegExp(`^# HELP ${name} \\S`, 'm'));
    expect(text).toMatch(new RegExp(`^# TYPE ${name} ${type}$`, 'm'));
  });

  it('are those of docs/http.md', async () => {
    const docs = await readFile(new URL('../../docs/http.md', import.meta.url), 'utf8');
    const documented = [...docs.matchAll(/^\| `(?<name>(?:rpmyard|process)_\w+)(?:\{[^}]*\})?` +\|/gm)];
    expect(documented.map(({ groups }) => groups?.['name'])).toEqual(NAMES.map(([name]) => name));
  });

  it('are these and no others', async () => {
    const text = await createMetrics(NOTHING).registry.metrics();
    const names = [...text.matchAll(/^# TYPE (?<name>\S+)/gm)].map(({ groups }) => groups?.['name']);
    expect(new Set(names)).toEqual(new Set(NAMES.map(([name]) => name)));
    expect(names).toHaveLength(NAMES.length);
  });

  it('count uploads by outcome, and their bytes', async () => {
    const metrics = createMetrics(NOTHING);
    metrics.countUpload('created', 100);
    metrics.countUpload('created', 23);
    metrics.countUpload('RPM_MALFORMED', 0);
    const samples = await samplesOf(metrics);
    expect(samples.get('rpmyard_uploads_total{outcome="created"}')).toBe(2);
    expect(samples.get('rpmyard_uploads_total{outcome="RPM_MALFORMED"}')).toBe(1);
    expect(samples.get('rpmyard_upload_bytes_total')).toBe(123);
  });

  it('measure a stage, also one that fails, and hand on how it ended', async () => {
    vi.useFakeTimers({ toFake: ['hrtime'] });
    const metrics = createMetrics(NOTHING);
    const taking = (seconds: number): void => void vi.advanceTimersByTime(seconds * 1000);
    expect(
      await metrics.timed('inspect', async () => {
        taking(2);
        return 'result';
      }),
    ).toBe('result');
    const failing = metrics.timed('inspect', async () => {
      taking(0.5);
      throw new Error('mine');
    });
    await expect(failing).rejects.toThrow('mine');
    await metrics.timed('place', async () => undefined);
    const samples = await samplesOf(metrics);
    expect(samples.get('rpmyard_upload_stage_seconds_count{stage="inspect"}')).toBe(2);
    expect(samples.get('rpmyard_upload_stage_seconds_count{stage="place"}')).toBe(1);
    expect(samples.get('rpmyard_upload_stage_seconds_sum{stage="inspect"}')).toBe(2.5);
  });

  it('count index runs by how they ended', async () => {
    const metrics = createMetrics(NOTHING);
    expect(await metrics.indexRun(async () => 1)).toBe(1);
    await expect(metrics.indexRun(async () => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
    const samples = await samplesOf(metrics);
    expect(samples.get('rpmyard_index_runs_total{result="published"}')).toBe(1);
    expect(samples.get('rpmyard_index_runs_total{result="failed"}')).toBe(1);
    expect(samples.get('rpmyard_index_run_seconds_count')).toBe(2);
  });

  it('show the repositories as they are at the moment', async () => {
    let statuses: readonly RepositoryStatus[] = [
      statusOf('9/x86_64', { state: 'waiting', waitingSinceMs: 40_000 }),
      statusOf('9/SRPMS', { state: 'running', waitingSinceMs: 10_000 }),
      statusOf('9/aarch64', { published: undefined }),
    ];
    const metrics = createMetrics({
      ...NOTHING,
      listStatus: () => statuses,
      countSetAside: async (repository) => (repository === '9/SRPMS' ? 2 : 0),
      now: () => 100_000,
    });
    const before = await samplesOf(metrics);
    expect(before.get('rpmyard_packages{repository="9/x86_64"}')).toBe(3);
    expect(before.get('rpmyard_packages{repository="9/aarch64"}')).toBe(0);
    expect(before.get('rpmyard_packages_set_aside{repository="9/SRPMS"}')).toBe(2);
    expect(before.get('rpmyard_packages_set_aside{repository="9/x86_64"}')).toBe(0);
    expect(before.get('rpmyard_index_bytes{repository="9/x86_64"}')).toBe(1000);
    expect(before.get('rpmyard_index_bytes{repository="9/aarch64"}')).toBe(0);
    expect(before.get('rpmyard_queue_length')).toBe(2);
    expect(before.get('rpmyard_oldest_mark_age_seconds')).toBe(90);

    statuses = [statusOf('9/x86_64')];
    const after = await samplesOf(metrics);
    expect(after.get('rpmyard_queue_length')).toBe(0);
    expect(after.get('rpmyard_oldest_mark_age_seconds')).toBe(0);
    expect(after.has('rpmyard_packages{repository="9/aarch64"}')).toBe(false);
  });

  it('have each present fault, by what it affects, code and repository where there is one, as long as it is there', async () => {
    const full = new AppError('STORAGE_FULL', 'full', { hint: 'free some' });
    const failed = new AppError('INDEX_FAILED', 'exit code 1', { hint: 'look at the log' });
    let faults: readonly Fault[] = [
      { affects: 'uploads', error: full },
      { affects: 'indexes', repository: repo('9/x86_64'), error: failed },
      { affects: 'indexes', repository: repo('9/SRPMS'), error: failed },
    ];
    const metrics = createMetrics({ ...NOTHING, findFaults: async () => faults });
    expect(await faultsOf(metrics)).toEqual([
      'rpmyard_faults{affects="uploads",code="STORAGE_FULL"} 1',
      'rpmyard_faults{affects="indexes",code="INDEX_FAILED",repository="9/x86_64"} 1',
      'rpmyard_faults{affects="indexes",code="INDEX_FAILED",repository="9/SRPMS"} 1',
    ]);
    faults = [];
    expect(await faultsOf(metrics)).toEqual([]);
  });

  it('say what is free, and nothing where the file system says nothing', async () => {
    let free: number | undefined = 5e9;
    const metrics = createMetrics({ ...NOTHING, freeBytes: () => free });
    expect((await samplesOf(metrics)).get('rpmyard_free_bytes')).toBe(5e9);
    free = undefined;
    expect((await samplesOf(metrics)).has('rpmyard_free_bytes')).toBe(false);
    free = 0;
    expect((await samplesOf(metrics)).get('rpmyard_free_bytes')).toBe(0);
  });

  it('leave out one that cannot be read, and have all others', async () => {
    const fail = (): never => {
      throw new Error('the records are damaged');
    };
    const listStatus = () => [statusOf('9/x86_64')];
    const samples = await samplesOf(
      createMetrics({ ...NOTHING, listStatus, countSetAside: fail, freeBytes: fail }),
    );
    expect(samples.has('rpmyard_packages_set_aside{repository="9/x86_64"}')).toBe(false);
    expect(samples.has('rpmyard_free_bytes')).toBe(false);
    expect(samples.get('rpmyard_packages{repository="9/x86_64"}')).toBe(3);
    expect(samples.get('rpmyard_build_info{version="1.2.3"}')).toBe(1);
  });

  it('begin with zeros, so that the first failure is seen to raise a counter', async () => {
    const samples = await samplesOf(createMetrics(NOTHING));
    expect(samples.get('rpmyard_index_runs_total{result="failed"}')).toBe(0);
    expect(samples.get('rpmyard_index_runs_total{result="published"}')).toBe(0);
    expect(samples.get('rpmyard_uploads_total{outcome="created"}')).toBe(0);
  });

  it('are those of their own service only', async () => {
    const [one, other] = [createMetrics(NOTHING), createMetrics(NOTHING)];
    one.countUpload('created', 1);
    expect((await samplesOf(other)).get('rpmyard_upload_bytes_total')).toBe(0);
  });
});

describe('/metrics', () => {
  it('is Prometheus text, and moves with what happens', async () => {
    await using service = await buildTestApp();
    const answer = await service.app.inject('/metrics');
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(answer.body).toContain('rpmyard_upload_bytes_total 0');
    service.metrics.countUpload('created', 7);
    await eventually(async () => {
      expect((await service.app.inject('/metrics')).body).toContain('rpmyard_upload_bytes_total 7');
    });
  });

  it('goes through the repositories once for many that ask at the same time', async () => {
    await using service = await buildTestApp();
    const { registry } = service.metrics;
    let made = 0;
    const make = registry.metrics.bind(registry);
    registry.metrics = async () => {
      made += 1;
      return make();
    };
    const answers = await Promise.all(Array.from({ length: 50 }, () => service.app.inject('/metrics')));
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
    expect(made).toBe(1);
  });
});
