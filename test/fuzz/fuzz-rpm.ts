import { parseArgs } from 'node:util';
import { compareWithRpm } from './compare-with-rpm.ts';
import { explainDisagreement } from './explain-disagreement.ts';
import { packageSeeds } from './package-seeds.ts';

const USAGE = `usage: npm run fuzz:rpm -- [--minutes N] [--seed N]

Changes the tags of packages, and compares what becomes of them here with what rpm and createrepo_c say.

  --minutes N  (30)
  --seed N     the same packages again; by default others each time

The packages in RPMYARD_CORPUS are changed too when it is set. What the programs disagree about for no reason that
test/fuzz/rpm-deviations.ts lists is written to a file, which is named; the exit status is then 1.`;

/** Some ten seconds. */
const ROUND = 1000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) console.log(USAGE);
else await compareFor(Number(values.minutes), Number(values.seed));

async function compareFor(minutes: number, firstSeed: number): Promise<void> {
  const seeds = packageSeeds();
  const endMs = Date.now() + minutes * 60_000;
  const reasons = new Map<string, number>();
  let compared = 0;
  let taken = 0;
  console.log(`seed ${firstSeed}, ${seeds.length} packages to begin with`);
  for (let seed = firstSeed; Date.now() < endMs; seed++) {
    const report = await compareWithRpm({ seeds, seed, count: ROUND });
    compared += report.compared;
    taken += report.taken;
    for (const [reason, times] of report.reasons) reasons.set(reason, (reasons.get(reason) ?? 0) + times);
    for (const finding of report.findings) {
      console.error(explainDisagreement(finding));
      process.exitCode = 1;
    }
  }
  console.log(`${compared} packages compared, ${taken} taken here and there`);
  for (const [reason, times] of reasons) console.log(`${times} refused here alone: ${reason}`);
}
