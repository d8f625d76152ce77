import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../src/errors.ts';
import { inspectPackage } from '../../src/intake/inspect-package.ts';
import { NO_THREADS } from '../../src/intake/inspection-threads.ts';
import { PACKAGE_METADATA_TYPES } from '../../src/rpm/repodata/metadata-envelope.ts';
import { parseRpm } from '../../src/rpm/rpm-parser/parse-rpm.ts';
import { rateDefect } from '../../src/rpm/rpm-parser/text-defects.ts';
import { createRandom, type Random } from '../support/random.ts';
import { renderFile } from '../support/render-packages.ts';
import { createTempDir } from '../support/temp-dir.ts';
import { askRpm, type RpmVerdict } from './ask-rpm.ts';
import { mutateRpm } from './mutate-rpm.ts';
import { readPackageTags } from './read-package-tags.ts';
import { RPM_DEVIATIONS } from './rpm-deviations.ts';
import { varyPackage } from './vary-package.ts';

export interface Comparison {
  readonly seeds: readonly Buffer[];
  readonly seed: number;
  /** How many packages are made and compared. */
  readonly count: number;
}

export interface ComparisonReport {
  readonly compared: number;
  /** Taken here and there. */
  readonly taken: number;
  /** How often each listed reason was met. */
  readonly reasons: ReadonlyMap<string, number>;
  readonly findings: readonly ComparisonFinding[];
}

/** A package about which the programs disagree, for no reason that is listed. */
export interface ComparisonFinding {
  readonly input: Buffer;
  readonly what: string;
}

/** rpm and createrepo_c take as long to start as for some dozens of packages. */
const BATCH = 250;

/**
 * Makes packages, each from one of the seeds by changing some of its tags, and compares what becomes of them here with what
 * rpm and createrepo_c say: the same are taken, and described in the same words.
 */
export async function compareWithRpm({ seeds, seed, count }: Comparison): Promise<ComparisonReport> {
  const random = createRandom(seed);
  const reasons = new Map<string, number>();
  const findings: ComparisonFinding[] = [];
  let compared = 0;
  let taken = 0;
  while (compared < count) {
    await using dir = await createTempDir();
    const inputs = makeInputs(seeds, random, Math.min(BATCH, count - compared));
    const names = inputs.map((_, index) => `${index}.rpm`);
    mkdirSync(join(dir.path, 'packages'));
    const packages = join(dir.path, 'packages');
    for (const [index, input] of inputs.entries()) writeFileSync(join(packages, `${index}.rpm`), input);
    const verdicts = askRpm(packages, names);
    for (const [index, input] of inputs.entries()) {
      const name = `${index}.rpm`;
      const verdict = verdicts.get(name) ?? { isVerified: false, xml: undefined };
      const outcome = await compareOne(packages, name, input, verdict);
      if (outcome === 'taken') taken++;
      else if (outcome !== undefined && 'reason' in outcome) {
        reasons.set(outcome.reason, (reasons.get(outcome.reason) ?? 0) + 1);
      } else if (outcome !== undefined) findings.push({ input, what: outcome.what });
    }
    compared += inputs.length;
  }
  return { compared, taken, reasons, findings };
}

function makeInputs(seeds: readonly Buffer[], random: Random, count: number): readonly Buffer[] {
  const inputs: Buffer[] = [];
  while (inputs.length < count) {
    const source = random.pick(seeds);
    const input = random.below(8) === 0 ? mutateRpm(source, random) : varyPackage(source, random);
    if (input !== undefined) inputs.push(input);
  }
  return inputs;
}

/** Undefined for what is refused here and there. */
async function compareOne(
  dir: string,
  name: string,
  input: Buffer,
  { isVerified, xml }: RpmVerdict,
): Promise<'taken' | { readonly reason: string } | { readonly what: string } | undefined> {
  const refusal = await refusalOf(join(dir, name), input.length);
  const isTakenThere = isVerified && xml !== undefined;
  if (refusal === undefined && isTakenThere) {
    const ours = renderFile(dir, name);
    const different = PACKAGE_METADATA_TYPES.filter((type) => ours[type] !== xml[type]);
    if (different.length === 0) return 'taken';
    if (isDescribedOtherwise(input)) return { reason: 'described otherwise (docs/decisions/0008)' };
    const [type = 'primary'] = different;
    return { what: `createrepo_c writes another ${type}:\n${xml[type]}\nours:\n${ours[type]}` };
  }
  if ((refusal === undefined) === isTakenThere) return undefined;
  if (refusal === undefined && isVerified && hasReplacedText(input)) {
    return { reason: 'createrepo_c refuses text that is replaced here (docs/decisions/0004)' };
  }
  const tags = readPackageTags(input);
  const disagreement = tags && { tags, code: refusal?.code, isTakenThere };
  const listed =
    refusal !== undefined && disagreement && RPM_DEVIATIONS.find(({ applies }) => applies(disagreement));
  if (listed) return { reason: listed.reason };
  const here = refusal === undefined ? 'taken' : `refused (${refusal.code}: ${refusal.message})`;
  return { what: `${here} here, rpm -K: ${isVerified}, createrepo_c: ${xml !== undefined}` };
}

async function refusalOf(path: string, sizeBytes: number): Promise<AppError | undefined> {
  try {
    await inspectPackage({ path, sizeBytes, sha256: undefined, expectedDigests: [] }, NO_THREADS);
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

/** Text for people that no XML can hold. */
function hasReplacedText(input: Buffer): boolean {
  return parseRpm(input, input.length).textDefects.some((defect) => rateDefect(defect) === 'replaced');
}

/** Text, times and requirements that are written otherwise on purpose: docs/decisions/0008-repodata-deviations.md. */
function isDescribedOtherwise(input: Buffer): boolean {
  const rpm = parseRpm(input, input.length);
  const hasLateEntries = [...rpm.changelogs].some(({ timeSeconds }) => timeSeconds > 0x7fffffff);
  return rpm.textDefects.length > 0 || hasLateEntries;
}
