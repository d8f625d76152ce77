// Draws docs/performance-reindex.svg: what one package more costs, by size of the repository.
// Usage: node bench/chart.ts FILE, where FILE is what npm run bench:reindex -- --json FILE wrote.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type ChartLine, renderLogChart } from './support/log-chart.ts';
import type { ReindexSample } from './support/reindex-sample.ts';
import { median } from './support/statistics.ts';

const OUTPUT = fileURLToPath(new URL('../docs/performance-reindex.svg', import.meta.url));

const LINES = [
  { peer: 'createrepo_c', label: 'createrepo_c', style: 'peer-more' },
  { peer: 'createrepo_c --no-database', label: '… --no-database', style: 'peer' },
  { peer: 'rpmyard', label: 'Rpmyard', style: 'ours' },
  { peer: 'floor', label: 'hash, write, sync', style: 'floor' },
] as const;

const { positionals } = parseArgs({ allowPositionals: true });
const [path] = positionals;
if (path === undefined) throw new Error('expected the file that bench:reindex wrote with --json');
const samples = (await readFile(path, 'utf8'))
  .split('\n')
  .filter((line) => line !== '')
  .map((line): ReindexSample => JSON.parse(line))
  .filter(({ operation }) => operation === '+1');

const lines = LINES.map(
  ({ peer, label, style }): ChartLine => ({ label, style, points: pointsOf(peer) }),
).filter(({ points }) => points.length > 0);
await writeFile(
  OUTPUT,
  renderLogChart({
    title: 'One package more: time until the new index is published',
    xTitle: 'packages in the repository',
    note: 'medians, both axes logarithmic; the figures are those of the largest repository',
    lines,
  }),
);

function pointsOf(wanted: string): ChartLine['points'] {
  const mine = samples.filter(({ peer }) => peer === wanted);
  return [...new Set(mine.map(({ packages }) => packages))]
    .toSorted((a, b) => a - b)
    .map((x) => ({
      x,
      y: median(mine.filter(({ packages }) => packages === x).map(({ seconds }) => seconds)),
    }));
}
