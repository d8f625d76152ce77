import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../errors.ts';
import { damagedIndex } from '../../damaged-index.ts';
import { wrongMetadata } from '../../wrong-metadata.ts';
import { digestOfFile } from '../../../base/files/file-digest.ts';
import { type ReusableMetadata, reuseMetadata } from '../../metadata/reuse-metadata.ts';
import { comparePackages, comparePlaced, type PackageChanges } from './compare-packages.ts';
import {
  type FoundIndex,
  findLost,
  findUnnamed,
  type LostPackage,
  readFoundIndex,
} from '../../found-index.ts';
import type { BuiltIndex, FaultyPackage, IndexJob } from '../../index-engine.ts';
import { type IndexState, type IndexStates, placeGroups } from './index-state.ts';
import { type KeptSteps, keepPublished } from './keep-published.ts';
import type { PackageGroup } from './package-group.ts';
import { planGroups } from './plan-groups.ts';
import { readSoundRepomd } from '../../../storage/read-repomd.ts';
import { type RebuildParts, rebuildSteps } from './rebuild-steps.ts';
import type { KnownDirectories, PackageNames } from '../../../storage/package-names.ts';
import type { SettledNames } from './settled-names.ts';
import { writeIndex } from './write-index.ts';
import type { RepositoryName } from '../../../rpm/repository-name.ts';

export interface BuildParts extends RebuildParts {
  readonly states: IndexStates;
  /** See readPackageNames(). */
  readonly readNames: (repositoryDir: string) => Promise<PackageNames>;
  readonly settledNames: SettledNames;
  readonly now: () => number;
}

const NOTHING_ADOPTED: ReusableMetadata = { groups: [], warnings: [] };

/**
 * One run of the incremental engine: it describes what changed, rebuilds the groups that the change touches, and copies
 * everything else from the published files.
 * @throws AppError INDEX_FAILED.
 */
export async function buildIndex(job: IndexJob, parts: BuildParts): Promise<BuiltIndex> {
  try {
    return await build(job, parts);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'INDEX_DAMAGED') throw error;
    // The packages are the truth; published files can always be made again from them.
    const built = await buildAnew({ ...job, trust: 'nothing' }, parts);
    return { ...built, warnings: [error.message, ...built.warnings] };
  }
}

async function build(job: IndexJob, parts: BuildParts): Promise<BuiltIndex> {
  const { repository, repositoryDir, scratchDir, trust, format } = job;
  // 1. Read what is published, and decide which of it to trust.
  const published = trust === 'nothing' ? undefined : await readSoundRepomd(repositoryDir);
  const former = published && parts.states.load(repository, repositoryDir, published);
  if (former !== undefined && trust === 'files') await checkFiles(former, repositoryDir);
  const mustAdopt = published !== undefined && former === undefined;
  const adopted = mustAdopt ? await reuseMetadata(repositoryDir, published, scratchDir) : NOTHING_ADOPTED;
  const groups = former?.groups ?? adopted.groups;

  // 2. Compare it with the packages on disk.
  const found = job.isFoundIndexKept ? await readFoundIndex(repositoryDir) : undefined;
  const disk = await findChanges(job, { groups, former, found }, parts);
  const { changes, unnamed, directories } = disk;

  // 3. Rebuild the groups that changed; a published package that cannot be described stays as it is.
  const plan = planGroups({ groups, removed: changes.removed, added: changes.added, format });
  const rebuilt = await keepPublished(await rebuildSteps(plan, job, parts), job, parts);
  const packageCount = checkSet(rebuilt, disk);
  if (!(await disk.whenCounted)) return await buildAnew(job, parts);
  const built = {
    packageCount,
    described: new Map(rebuilt.described.map(({ location, pkgid }) => [location, pkgid])),
    leftOut: rebuilt.leftOut,
    faulty: [...unnamed, ...rebuilt.faulty],
    readmitted: changes.readmitted,
    gone: [...changes.gone, ...rebuilt.gone],
  };
  const isSame = former?.format === format && rebuilt.described.length === 0 && changes.removed.size === 0;
  const settle = (state: IndexState): void => {
    if (packageCount === changes.expected.size) parts.settledNames.settle(job, { state, directories });
  };
  if (isSame && !job.isPublicationWanted) {
    settle(former);
    return { ...built, lost: [], isNew: false, warnings: [] };
  }

  // 4. Write the files, and repomd.xml last.
  const files = await writeIndex(rebuilt.groups, { outputDir: scratchDir, format, nowMs: parts.now() });
  const state = placeGroups({ format, files, groups: rebuilt.groups }, repositoryDir);
  const warnings = [...adopted.warnings, ...saveState(repository, { state, former }, parts.states)];
  settle(state);
  const lost = found === undefined ? [] : await findLostIn(found, rebuilt, job, files.primary.file.href);
  return { ...built, lost, isNew: true, warnings };
}

/** The packages on disk as a run finds them. */
interface FoundChanges {
  readonly changes: PackageChanges;
  /** See findUnnamed(). */
  readonly unnamed: readonly FaultyPackage[];
  readonly directories: KnownDirectories;
  /** The packages of groups that are known to be right and are taken as they are. */
  readonly checked: ReadonlySet<PackageGroup['packages']>;
  /** False: the names on disk are not the expected ones. */
  readonly whenCounted: Promise<boolean>;
}

/** After an upload the names need not be read and compared when nothing else has changed in the directories. */
async function findChanges(
  job: IndexJob,
  index: {
    readonly groups: readonly PackageGroup[];
    readonly former: IndexState | undefined;
    readonly found: FoundIndex | undefined;
  },
  { readNames, settledNames }: BuildParts,
): Promise<FoundChanges> {
  const { groups, former, found } = index;
  const followed = former && (await settledNames.follow(job, former));
  if (followed !== undefined) {
    // While the groups are rebuilt.
    const whenCounted = settledNames.haveCounts(job, followed);
    const checked = new Set(groups.map(({ packages }) => packages));
    return { changes: comparePlaced(groups, job), unnamed: [], directories: followed, checked, whenCounted };
  }
  const { locations, directories } = await readNames(job.repositoryDir);
  const unnamed = found === undefined ? [] : findUnnamed(locations, found, job);
  const heldBack = new Set([...job.heldBack, ...unnamed.map(({ location }) => location)]);
  const changes = comparePackages(locations, groups, { ...job, heldBack });
  return { changes, unnamed, directories, checked: new Set(), whenCounted: Promise.resolve(true) };
}

/** Builds in an empty scratch directory, and with all names read. */
async function buildAnew(job: IndexJob, parts: BuildParts): Promise<BuiltIndex> {
  parts.settledNames.forget(job.repository);
  await rm(job.scratchDir, { recursive: true, force: true });
  await mkdir(job.scratchDir);
  return build(job, parts);
}

async function findLostIn(
  found: FoundIndex,
  { groups }: KeptSteps,
  { repositoryDir, scratchDir }: IndexJob,
  primaryHref: string,
): Promise<readonly LostPackage[]> {
  const packages = groups.flatMap((group) => group.packages);
  const built = new Map(packages.map(({ location, pkgid }) => [location, pkgid]));
  return findLost(found, built, { repositoryDir, primaryPath: join(scratchDir, primaryHref) });
}

/**
 * When a run looks at every package, it also checks the published files.
 * @throws AppError INDEX_DAMAGED.
 */
async function checkFiles({ files }: IndexState, repositoryDir: string): Promise<void> {
  for (const { file } of Object.values(files)) {
    if ((await digestOfFile(join(repositoryDir, file.href))) === file.sha256) continue;
    throw damagedIndex(`${file.href} is not as it was written`);
  }
}

/**
 * The groups must hold each package that belongs into the index once, and nothing else. Each group's text was compared
 * with its packages when it was made, and the packages of a former one when that was made.
 * @returns the number of packages.
 * @throws AppError INDEX_FAILED.
 */
function checkSet(
  { groups, absent, gone }: KeptSteps,
  { changes: { expected }, checked }: FoundChanges,
): number {
  const lost = new Set([...absent, ...gone]);
  let packageCount = 0;
  let last = '';
  for (const { packages } of groups) {
    if (checked.has(packages)) {
      const first = packages[0]?.location ?? '';
      if (first <= last) throw wrongMetadata(`${first} would follow ${last}`);
      last = packages.at(-1)?.location ?? '';
      packageCount += packages.length;
      continue;
    }
    for (const { location } of packages) {
      if (!expected.has(location) || lost.has(location)) throw wrongMetadata(`${location} would be in it`);
      if (location <= last) throw wrongMetadata(`${location} would follow ${last}`);
      last = location;
      packageCount += 1;
    }
  }
  if (packageCount === expected.size - lost.size) return packageCount;
  throw wrongMetadata(`it would describe ${packageCount} packages instead of ${expected.size - lost.size}`);
}

/**
 * The state that the next run builds upon. Without it that run reads the published metadata, so a failure is only
 * logged.
 */
function saveState(
  repository: RepositoryName,
  { state, former }: { readonly state: IndexState; readonly former: IndexState | undefined },
  states: IndexStates,
): readonly string[] {
  try {
    states.save(repository, state, former);
    return [];
  } catch (error) {
    return [`the engine's state was not saved: ${error instanceof Error ? error.message : String(error)}`];
  }
}
