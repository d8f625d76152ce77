import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { labelsByName, readLiveMetrics } from '../support/live-metrics.ts';
import { unknownNames } from '../support/promql.ts';
import { runPromtool } from '../support/promtool.ts';
import { createTempDir } from '../support/temp-dir.ts';

const DASHBOARD = join(import.meta.dirname, '../../packaging/grafana/rpmyard.json');
/** Of Grafana 9.0; newer ones take it and convert it. */
const SCHEMA_VERSION = 36;
const COLUMNS = 24;
const SOURCE = { type: 'prometheus', uid: '${datasource}' };
/** As Grafana would put them in. */
const VARIABLES = { $__rate_interval: '5m', $instance: '.*' };

interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly datasource: object;
}

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly datasource: object;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig: { readonly defaults: { readonly unit: string } };
  readonly targets: readonly Target[];
}

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

let text: string;
let dashboard: Dashboard;
let exposed: ReadonlyMap<string, ReadonlySet<string>>;

beforeAll(async () => {
  text = await readFile(DASHBOARD, 'utf8');
  dashboard = JSON.parse(text);
  exposed = labelsByName(await readLiveMetrics());
});

const targetsOf = ({ panels }: Dashboard): readonly Target[] => panels.flatMap(({ targets }) => targets);

function withVariables(expr: string): string {
  return Object.entries(VARIABLES).reduce((filled, [name, value]) => filled.replaceAll(name, value), expr);
}

/** Grafana's unit of what an expression gives; undefined for counts. */
function unitOf(expr: string): string | undefined {
  if (/rate\(\w+_bytes_total\{/.test(expr)) return 'Bps';
  if (/\w+_bytes\{/.test(expr)) return 'bytes';
  return /\w+_seconds(?:_bucket|_sum)?\{/.test(expr) ? 's' : undefined;
}

describe('the dashboard', () => {
  it('shows nothing twice', () => {
    const titles = dashboard.panels.map(({ title }) => title);
    const asked = targetsOf(dashboard).map(({ expr }) => expr);
    expect(new Set(titles).size).toBe(titles.length);
    expect(new Set(asked).size).toBe(asked.length);
  });

  it('asks the data source and the instance that are chosen in it, and no other', () => {
    expect(dashboard).toMatchObject({ uid: 'rpmyard', title: 'Rpmyard', schemaVersion: SCHEMA_VERSION });
    expect(dashboard.templating.list).toMatchObject([
      { name: 'datasource', type: 'datasource', query: 'prometheus' },
      { name: 'instance', type: 'query', datasource: SOURCE, multi: true, includeAll: true },
    ]);
    for (const { datasource, targets, title } of dashboard.panels) {
      expect([datasource, ...targets.map((target) => target.datasource)], title).toEqual(
        Array.from({ length: targets.length + 1 }, () => SOURCE),
      );
    }
    for (const { expr } of targetsOf(dashboard)) {
      const selectors = expr.match(/\{/g)?.length ?? 0;
      expect(selectors, expr).toBeGreaterThan(0);
      expect(expr.match(/instance=~"\$instance"/g), expr).toHaveLength(selectors);
    }
  });

  it('has panels with titles and units of their own, and a legend for each line', () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { title, fieldConfig, targets } of panels) {
      expect(title).toMatch(/^[A-Z]/);
      expect(['none', 's', 'bytes', 'Bps', 'opm'], title).toContain(fieldConfig.defaults.unit);
      expect(targets.length, title).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
      for (const { legendFormat } of targets) expect(legendFormat, title).toMatch(/\w/);
    }
  });

  it('gives what is measured in seconds and bytes its unit', () => {
    const measured = dashboard.panels.flatMap(({ fieldConfig, targets }) =>
      targets.map(({ expr }) => ({ expr, unit: fieldConfig.defaults.unit, wanted: unitOf(expr) })),
    );
    expect(measured.filter(({ unit, wanted }) => wanted !== undefined && unit !== wanted)).toEqual([]);
    expect(new Set(measured.map(({ wanted }) => wanted))).toEqual(new Set(['s', 'bytes', 'Bps', undefined]));
  });

  it('lies within the grid, and no panel upon another', () => {
    const taken = new Map<string, string>();
    for (const { title, gridPos } of dashboard.panels) {
      const { x, y, w, h } = gridPos;
      expect(Math.min(x, y, w - 1, h - 1), title).toBeGreaterThanOrEqual(0);
      expect(x + w, title).toBeLessThanOrEqual(COLUMNS);
      for (let column = x; column < x + w; column += 1) {
        for (let row = y; row < y + h; row += 1) {
          expect(taken.get(`${column} ${row}`), title).toBeUndefined();
          taken.set(`${column} ${row}`, title);
        }
      }
    }
  });

  it('has only expressions that Prometheus can parse', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'expressions.yml');
    const rules = targetsOf(dashboard).map(({ expr }, index) => ({
      record: `expression:${index}`,
      expr: withVariables(expr),
    }));
    // YAML is a superset of JSON.
    await writeFile(path, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    const verdict = await runPromtool(['check', 'rules', path]);
    expect(verdict).toMatchObject({
      exitCode: 0,
      text: expect.stringContaining(`${rules.length} rules found`),
    });
    expect(rules.map(({ expr }) => expr).filter((expr) => expr.includes('$'))).toEqual([]);
  });

  it('asks only for metrics and labels that the service has, and shows every one of its own', () => {
    const expressions = targetsOf(dashboard).map(({ expr }) => withVariables(expr));
    expect(expressions.flatMap((expr) => unknownNames(expr, exposed))).toEqual([]);
    const [, instance] = dashboard.templating.list;
    expect(instance?.definition).toBe('label_values(rpmyard_build_info, instance)');
    expect(exposed.has('rpmyard_build_info')).toBe(true);
    const families = [...exposed.keys()].map((name) => name.replace(/_(?:bucket|sum|count)$/, ''));
    const everything = expressions.join('\n');
    expect(families.filter((name) => !everything.includes(name))).toEqual([]);
  });

  it('groups and names lines by labels that the service has', () => {
    const labels = new Set([...exposed.values()].flatMap((names) => [...names]));
    const used = targetsOf(dashboard).flatMap(({ expr, legendFormat }) => [
      ...[...expr.matchAll(/\bby \((?<names>[^)]+)\)/g)].flatMap(({ groups }) =>
        (groups?.['names'] ?? '').split(', '),
      ),
      ...[...legendFormat.matchAll(/\{\{(?<name>\w+)\}\}/g)].map(({ groups }) => groups?.['name'] ?? ''),
    ]);
    expect(used.filter((name) => name !== 'instance' && !labels.has(name))).toEqual([]);
  });
});
