import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { RepositoryStatus } from '../../src/reindex/repository-queue.ts';
import { createMetrics, type Metrics } from '../../src/serve/metrics.ts';
import { statusOf } from '../support/repository-status.ts';
import { buildTestApp } from '../support/test-app.ts';

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

const NOTHING = { listStatus: () => [], countSetAside: () => 0, now: Date.now };

const NAMES = [
  ['rpmyard_uploads_total', 'counter'],
  ['rpmyard_upload_bytes_total', 'counter'],
  ['rpmyard_upload_stage_seconds', 'histogram'],
  ['rpmyard_index_runs_total', 'counter'],
  ['rpmyard_index_run_seconds', 'histogram'],
  ['rpmyard_packages', 'gauge'],
  ['rpmyard_packages_set_aside', 'gauge'],
  ['rpmyard_queue_length', 'gauge'],
  ['rpmyard_oldest_mark_age_seconds', 'gauge'],
] as const;

describe('the metrics', () => {
  it.each(NAMES)('have %s, a %s with a help text', async (name, type) => {
    const text = await createMetrics(NOTHING).registry.metrics();
    expect(text).toMatch(new RegExp(`^# HELP ${name} \\S`, 'm'));
    expect(text).toMatch(new RegExp(`^# TYPE ${name} ${type}$`, 'm'));
  });

  it('are those of docs/http.md', async () => {
    const docs = await readFile(new URL('../../docs/http.md', import.meta.url), 'utf8');
    const documented = [...docs.matchAll(/^\| `(?<name>rpmyard_\w+)(?:\{[^}]*\})?` +\|/gm)];
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
    const metrics = createMetrics(NOTHING);
    expect(await metrics.timed('inspect', async () => 'result')).toBe('result');
    await expect(metrics.timed('inspect', async () => Promise.reject(new Error('mine')))).rejects.toThrow(
      'mine',
    );
    await metrics.timed('place', async () => undefined);
    const samples = await samplesOf(metrics);
    expect(samples.get('rpmyard_upload_stage_seconds_count{stage="inspect"}')).toBe(2);
    expect(samples.get('rpmyard_upload_stage_seconds_count{stage="place"}')).toBe(1);
    expect(samples.get('rpmyard_upload_stage_seconds_sum{stage="inspect"}')).toBeGreaterThanOrEqual(0);
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
      listStatus: () => statuses,
      countSetAside: (repository) => (repository === '9/SRPMS' ? 2 : 0),
      now: () => 100_000,
    });
    const before = await samplesOf(metrics);
    expect(before.get('rpmyard_packages{repository="9/x86_64"}')).toBe(3);
    expect(before.get('rpmyard_packages{repository="9/aarch64"}')).toBe(0);
    expect(before.get('rpmyard_packages_set_aside{repository="9/SRPMS"}')).toBe(2);
    expect(before.get('rpmyard_packages_set_aside{repository="9/x86_64"}')).toBe(0);
    expect(before.get('rpmyard_queue_length')).toBe(2);
    expect(before.get('rpmyard_oldest_mark_age_seconds')).toBe(90);

    statuses = [statusOf('9/x86_64')];
    const after = await samplesOf(metrics);
    expect(after.get('rpmyard_queue_length')).toBe(0);
    expect(after.get('rpmyard_oldest_mark_age_seconds')).toBe(0);
    expect(after.has('rpmyard_packages{repository="9/aarch64"}')).toBe(false);
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
    expect((await service.app.inject('/metrics')).body).toContain('rpmyard_upload_bytes_total 7');
  });
});
