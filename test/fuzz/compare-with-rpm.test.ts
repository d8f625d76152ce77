import { expect, it } from 'vitest';
import { compareWithRpm } from './compare-with-rpm.ts';
import { explainDisagreement } from './explain-disagreement.ts';
import { isLongRun } from '../support/is-long-run.ts';
import { packageSeeds } from './package-seeds.ts';
import { lacks } from '../support/lacks.ts';

/** The same packages each time; for chance there is `npm run fuzz:rpm`. */
const SEED = 1;
/** Some twenty seconds on one core in a long run. */
const COUNT = isLongRun ? 1500 : 400;

it.skipIf(lacks('rpm') || lacks('createrepo_c'))(
  'packages with changed tags are taken when rpm and createrepo_c take them, and described in the same words (needs rpm and createrepo_c)',
  async () => {
    const report = await compareWithRpm({ seeds: packageSeeds(), seed: SEED, count: COUNT });
    expect(report.findings.map(explainDisagreement)).toEqual([]);
    expect(report.compared).toBe(COUNT);
    expect(report.taken).toBeGreaterThan(COUNT / 4);
  },
);
