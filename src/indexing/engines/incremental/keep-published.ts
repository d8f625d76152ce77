import type { FaultyPackage, IndexJob, LeftOut } from '../../index-engine.ts';
import { planGroups } from './plan-groups.ts';
import { readPublishedTexts } from './published-texts.ts';
import { type RebuildParts, rebuildSteps, type RebuiltSteps } from './rebuild-steps.ts';

/** A new index with all that stays in it, and what is wrong with some of it. */
export interface KeptSteps extends Omit<RebuiltSteps, 'damaged'> {
  readonly faulty: readonly FaultyPackage[];
  /** Locations of those that are in no index. */
  readonly absent: readonly string[];
}

/**
 * Puts back into a new index what a run could not describe and the published index has: packages whose bytes are the
 * published ones, and the former description of those whose file was damaged.
 * @throws AppError as rebuildSteps().
 */
export async function keepPublished(
  { damaged, ...rebuilt }: RebuiltSteps,
  job: IndexJob,
  parts: RebuildParts,
): Promise<KeptSteps> {
  const { leftOut } = rebuilt;
  const faults = damaged.map((one): FaultyPackage => ({ ...one, code: 'PACKAGE_DAMAGED' }));
  const kept = await readPublishedTexts(
    job.repositoryDir,
    selectWanted({ damaged, leftOut }, job),
    job.scratchDir,
  );
  if (kept.size === 0) return { ...rebuilt, faulty: faults, absent: listLocations([...faults, ...leftOut]) };
  const added = [...kept].map(([location, published]) => {
    const acknowledged = published.packages[0]?.pkgid;
    return { location, sha256: undefined, acknowledged, published };
  });
  added.sort((a, b) => (a.location < b.location ? -1 : 1));
  const plan = planGroups({ groups: rebuilt.groups, removed: new Set(), added, format: job.format });
  const again = await rebuildSteps(plan, job, parts);
  // A published text that is not sound, and would break the index for all hosts.
  const unsound = new Set(listLocations([...again.leftOut, ...again.damaged]));
  const isKept = ({ location }: LeftOut): boolean => kept.has(location) && !unsound.has(location);
  const undescribable = leftOut.filter(isKept);
  const stillOut = leftOut.filter((one) => !isKept(one));
  return {
    groups: again.groups,
    described: [...rebuilt.described, ...again.described],
    leftOut: stillOut,
    gone: [...rebuilt.gone, ...again.gone],
    faulty: [
      ...faults,
      ...undescribable.map((one): FaultyPackage => ({ ...one, code: 'PACKAGE_UNDESCRIBABLE' })),
    ],
    absent: listLocations([...stillOut, ...faults.filter((one) => !isKept(one))]),
  };
}

function selectWanted(
  { damaged, leftOut }: Pick<RebuiltSteps, 'damaged' | 'leftOut'>,
  { acknowledged }: IndexJob,
): Parameters<typeof readPublishedTexts>[1] {
  return [
    ...damaged.map(({ location }) => ({ location, sha256: acknowledged.get(location) ?? '' })),
    ...leftOut.map(({ location }) => ({ location, sha256: undefined })),
  ];
}

function listLocations(packages: readonly LeftOut[]): readonly string[] {
  return packages.map(({ location }) => location);
}
