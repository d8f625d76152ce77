import { beforeAll, describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/observe/metrics.ts';
import { NOTHING } from '../support/gauge-sources.ts';
import { labelsByName, readLiveMetrics } from '../support/live-metrics.ts';
import { runPromtool } from '../support/promtool.ts';

/** https://prometheus.io/docs/practices/naming/#base-units, as far as they are units of ours; counts have none. */
const UNITS = ['seconds', 'bytes'];
/** What a name may end with that counts something. */
const COUNTED = ['uploads', 'runs', 'packages', 'set_aside', 'files_stuck', 'length', 'faults', 'info'];
/** Units that stand for a base unit; promtool knows most of them. */
const OTHER_UNITS = /_(?:ms|us|ns|milliseconds|minutes|hours|days|kib|mib|kb|mb|percent)\b/;

let metrics: string;

beforeAll(async () => {
  metrics = await readLiveMetrics();
});

describe('the metrics of a service that has worked', () => {
  it('are taken by promtool without a complaint', async () => {
    expect(await runPromtool(['check', 'metrics'], metrics)).toEqual({ exitCode: 0, text: '' });
  });

  it('are complained about where there is a reason to, so that silence means something', async () => {
    const spoiled = metrics.replaceAll('rpmyard_uploads_total', 'rpmyard_uploads');
    const { exitCode, text } = await runPromtool(['check', 'metrics'], spoiled);
    expect(exitCode).not.toBe(0);
    expect(text).toContain('rpmyard_uploads counter metrics should have "_total" suffix');
  });

  it('have samples of every one', async () => {
    const sampled = [...labelsByName(metrics).keys()].map((name) =>
      name.replace(/_(?:bucket|sum|count)$/, ''),
    );
    expect(new Set(sampled)).toEqual(new Set(familiesOf(metrics)));
  });

  it('are those that the tests of the registry know', async () => {
    const { registry } = createMetrics(NOTHING);
    expect(familiesOf(metrics)).toEqual(familiesOf(await registry.metrics()));
  });

  it('have the prefix of the service, or are of those that every client library has under one name', () => {
    expect(familiesOf(metrics).filter((name) => !/^(?:rpmyard|process)_[a-z_]+$/.test(name))).toEqual([]);
  });

  it('end with a base unit or with what they count', () => {
    const families = familiesOf(metrics);
    const stems = families.map((name) => name.replace(/_total$/, ''));
    const endsWell = new RegExp(`_(?:${[...UNITS, ...COUNTED].join('|')})$`);
    expect(stems.filter((stem) => !endsWell.test(stem))).toEqual([]);
    expect(families.filter((name) => OTHER_UNITS.test(name))).toEqual([]);
  });
});

function familiesOf(text: string): readonly string[] {
  return [...text.matchAll(/^# TYPE (?<name>\S+)/gm)].map(({ groups }) => groups?.['name'] ?? '');
}
