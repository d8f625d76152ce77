import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { beforeAll, describe, expect, it } from 'vitest';
import { slugOf } from '../support/heading-slug.ts';
import { labelsByName, readLiveMetrics } from '../support/live-metrics.ts';
import { unknownNames } from '../support/promql.ts';
import { runPromtool } from '../support/promtool.ts';
import { createTempDir } from '../support/temp-dir.ts';

const ROOT = join(import.meta.dirname, '../..');
const RULES = join(ROOT, 'packaging/prometheus/rpmyard.rules.yml');
const RULE_TESTS = join(import.meta.dirname, 'rpmyard.rules.test.yml');
const DOCS = 'docs/operations.md';
/** Of the sections below it each is for one alert. */
const CHAPTER = '## What an alarm means';

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly Alert[] }[];
}

interface RuleTests {
  readonly tests: readonly {
    readonly promql_expr_test?: readonly { readonly exp_samples: readonly { readonly labels: string }[] }[];
  }[];
}

let alerts: readonly Alert[];
let docs: string;
/** The sections for alerts, by their anchors. */
let sections: ReadonlyMap<string, string>;

beforeAll(async () => {
  const file: RuleFile = await readYaml(RULES);
  alerts = file.groups.flatMap(({ rules }) => rules);
  docs = await readFile(join(ROOT, DOCS), 'utf8');
  sections = readSections(docs);
});

/** Of the form that promtool knows: it reads the same files below. */
async function readYaml(path: string): Promise<ReturnType<typeof JSON.parse>> {
  return JSON.parse(JSON.stringify(load(await readFile(path, 'utf8'))));
}

function readSections(text: string): ReadonlyMap<string, string> {
  const chapter = text.split(/^(?=## )/m).find((part) => part.startsWith(`${CHAPTER}\n`)) ?? '';
  const parts = chapter.split(/^### /m).slice(1);
  return new Map(
    parts.map((part): [string, string] => {
      const [heading = '', ...lines] = part.split('\n');
      return [slugOf(heading), lines.join('\n')];
    }),
  );
}

describe('the alert rules', () => {
  it('are taken by promtool', async () => {
    expect(await runPromtool(['check', 'rules', RULES])).toMatchObject({ exitCode: 0 });
    expect(alerts.length).toBeGreaterThan(5);
  });

  it('fire and do not fire when their tests say so', async () => {
    await using dir = await createTempDir();
    await copyFile(RULES, join(dir.path, 'rpmyard.rules.yml'));
    const tests = join(dir.path, 'tests.yml');
    await copyFile(RULE_TESTS, tests);
    expect(await runPromtool(['test', 'rules', tests])).toMatchObject({ exitCode: 0 });
  });

  it('are each expected to fire by a test', async () => {
    const { tests }: RuleTests = await readYaml(RULE_TESTS);
    const expected = tests
      .flatMap((test) => test.promql_expr_test ?? [])
      .flatMap(({ exp_samples: samples }) => samples.map(({ labels }) => labels));
    const isFiring = (alert: string): boolean =>
      expected.some((labels) => labels.includes(`alertname="${alert}"`) && !labels.includes('pending'));
    expect(alerts.map(({ alert }) => alert).filter((alert) => !isFiring(alert))).toEqual([]);
  });

  it('ask only for metrics and labels that the service has', async () => {
    const exposed = labelsByName(await readLiveMetrics());
    expect(alerts.flatMap(({ expr }) => unknownNames(expr, exposed))).toEqual([]);
    expect(unknownNames('rate(rpmyard_lost_total{outcome="a", job="b"}[5m]) > 1', exposed)).toEqual([
      'rpmyard_lost_total',
      'rpmyard_lost_total{outcome}',
    ]);
    expect(unknownNames('sum by (x) (rpmyard_faults{reason!~"a"}) or up', exposed)).toEqual([
      'rpmyard_faults{reason}',
    ]);
  });

  it('say how bad it is, in plain words what it is, and where the remedy stands', () => {
    for (const { alert, labels, annotations } of alerts) {
      expect(['critical', 'warning'], alert).toContain(labels['severity']);
      expect(Object.keys(annotations), alert).toEqual(['summary', 'description', 'runbook']);
      expect(annotations['summary'], alert).toMatch(/Rpmyard/);
      expect(annotations['description'], alert).toMatch(/\.$/);
      expect(annotations['runbook'], alert).toBe(`${DOCS}#${slugOf(alert)}`);
    }
  });

  it('have a section each, named as they are, and no section is of an alert that is not there', () => {
    expect([...sections.keys()]).toEqual(alerts.map(({ alert }) => slugOf(alert)));
    for (const [anchor, text] of sections) expect(text.length, anchor).toBeGreaterThan(100);
  });
});

describe('the scrape configuration in the documentation', () => {
  it('is one that Prometheus takes, with these rules', async () => {
    await using dir = await createTempDir();
    const example = /```yaml\n(?<text>rule_files:[^`]+)```/.exec(docs)?.groups?.['text'] ?? '';
    const tokenPath = '/etc/prometheus/rpmyard.token';
    const rulesPath = '/usr/share/rpmyard/prometheus/rpmyard.rules.yml';
    expect(example).toContain(tokenPath);
    expect(example).toContain(rulesPath);
    const token = join(dir.path, 'token');
    await writeFile(token, 'token');
    const config = join(dir.path, 'prometheus.yml');
    await writeFile(config, example.replace(tokenPath, token).replace(rulesPath, RULES));
    const verdict = await runPromtool(['check', 'config', config]);
    expect(verdict).toMatchObject({
      exitCode: 0,
      text: expect.stringContaining(`${alerts.length} rules found`),
    });
    expect(example).toContain('job_name: rpmyard');
  });
});
