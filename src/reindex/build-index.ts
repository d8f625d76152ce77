import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import { PACKAGE_METADATA_TYPES } from '../repodata/metadata-envelope.ts';
import { renderRepomd, type Repomd } from '../repodata/repomd.ts';
import { adoptMetadata } from './adopt-metadata.ts';
import { comparePackages, type PackageChanges } from './compare-packages.ts';
import type { BuiltIndex, IndexJob } from './index-engine.ts';
import { type IndexState, type IndexStates, placeGroups } from './index-state.ts';
import { type PackageGroup, perType } from './package-group.ts';
import { planGroups } from './plan-groups.ts';
import { readSoundRepomd } from './read-metadata.ts';
import { type RebuildParts, rebuildSteps, type RebuiltSteps } from './rebuild-steps.ts';
import { writeIndexFile } from './write-index-file.ts';

export interface BuildParts extends RebuildParts {
  readonly states: IndexStates;
  /** Locations of every package below a repository's directory. */
  readonly listPackages: (repositoryDir: string) => Promise<readonly string[]>;
  readonly now: () => number;
}

/**
 * One run of the incremental engine: what changed is described, the groups it touches are rebuilt, everything else is
 * copied from the published files.
 * @throws AppError INDEX_FAILED.
 */
export async function buildIndex(job: IndexJob, parts: BuildParts): Promise<BuiltIndex> {
  try {
    return await build(job, parts);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'INDEX_DAMAGED') throw error;
    // The packages are the truth; what was published can always be made again from them.
    await rm(join(job.scratchDir, 'repodata'), { recursive: true, force: true });
    const built = await build({ ...job, trust: 'nothing' }, parts);
    return { ...built, warnings: [error.message, ...built.warnings] };
  }
}

async function build(job: IndexJob, parts: BuildParts): Promise<BuiltIndex> {
  const { repository, repositoryDir, scratchDir, trust, format } = job;
  // 1. What is published, and what of it can be believed.
  const published = trust === 'nothing' ? undefined : await readSoundRepomd(repositoryDir);
  const former = published && parts.states.load(repository, repositoryDir, published);
  const groups = former?.groups ?? (await adopt(published, job));

  // 2. What is on disk, and what that changes.
  const locations = await parts.listPackages(repositoryDir);
  const changes = comparePackages(locations, groups, job);

  // 3. Rebuild what is touched.
  const plan = planGroups({ groups, removed: changes.removed, added: changes.added, format });
  const rebuilt = await rebuildSteps(plan, job, parts);
  checkSet(rebuilt, changes);
  const packageCount = countOf(rebuilt.groups);
  const isSame = former?.format === format && rebuilt.described.length === 0 && changes.removed.size === 0;
  if (isSame && !job.isPublicationWanted) return { ...builtOf(packageCount, changes), ...factsOf(rebuilt) };

  // 4. Write the files, and repomd.xml last.
  const state = await writeFiles(rebuilt.groups, packageCount, job, parts.now());
  const files = PACKAGE_METADATA_TYPES.map((type) => state.files[type].file);
  const revision = String(Math.floor(parts.now() / 1000));
  await writeFile(
    join(scratchDir, 'repodata', 'repomd.xml'),
    renderRepomd({ revision, files, carriedXml: [] }),
  );
  const warnings = remember(repository, state, former, parts.states);
  return { ...builtOf(packageCount, changes), isNew: true, ...factsOf(rebuilt), warnings };
}

async function adopt(published: Repomd | undefined, job: IndexJob): Promise<readonly PackageGroup[]> {
  if (published === undefined) return [];
  return adoptMetadata(job.repositoryDir, published, job.scratchDir);
}

function builtOf(packageCount: number, { gone, readmitted }: PackageChanges): BuiltIndex {
  return {
    isNew: false,
    packageCount,
    described: new Map(),
    leftOut: [],
    readmitted,
    gone,
    warnings: [],
  };
}

function factsOf({ described, leftOut }: RebuiltSteps): Pick<BuiltIndex, 'described' | 'leftOut'> {
  return { described: new Map(described.map(({ location, pkgid }) => [location, pkgid])), leftOut };
}

/**
 * The groups must hold each package that belongs into the index once, and nothing else. Each group's text was compared
 * with its packages when it was made.
 * @throws AppError INDEX_FAILED.
 */
function checkSet(
  { groups, described, leftOut }: RebuiltSteps,
  { added, removed, expectedCount }: PackageChanges,
): void {
  const isDescribed = new Set(described.map(({ location }) => location));
  let last = '';
  for (const { packages } of groups) {
    for (const { location } of packages) {
      if (location <= last) throw wrongSet(`${location} would follow ${last}`);
      if (removed.has(location) && !isDescribed.has(location)) throw wrongSet(`${location} would stay in it`);
      last = location;
    }
  }
  // The rest of what was to be described was removed by somebody meanwhile.
  const goneCount = added.length - described.length - leftOut.length;
  const expected = expectedCount - leftOut.length - goneCount;
  if (countOf(groups) === expected) return;
  throw wrongSet(`it would describe ${countOf(groups)} packages instead of ${expected}`);
}

function wrongSet(what: string): AppError {
  return new AppError('INDEX_FAILED', `the new metadata is not published: ${what}`, {
    hint: 'The former index stays and the run is tried again; report it if it lasts.',
  });
}

async function writeFiles(
  groups: readonly PackageGroup[],
  packageCount: number,
  { scratchDir, repositoryDir, format }: IndexJob,
  nowMs: number,
): Promise<IndexState> {
  await mkdir(join(scratchDir, 'repodata'), { recursive: true });
  const options = { outputDir: scratchDir, format, packageCount, timestampSeconds: Math.floor(nowMs / 1000) };
  const writing = perType((type) => writeIndexFile(type, groups, options));
  // One that fails must not leave the others writing.
  await Promise.allSettled(Object.values(writing));
  const { primary, filelists, other } = writing;
  const files = { primary: await primary, filelists: await filelists, other: await other };
  return placeGroups({ format, files, groups }, repositoryDir);
}

/** What a next run builds upon. Without it that run reads the published metadata, so a failure is only told. */
function remember(
  repository: string,
  state: IndexState,
  former: IndexState | undefined,
  states: IndexStates,
): readonly string[] {
  try {
    states.save(repository, state, former);
    return [];
  } catch (error) {
    return [`the engine's state was not saved: ${error instanceof Error ? error.message : String(error)}`];
  }
}

function countOf(groups: readonly PackageGroup[]): number {
  return groups.reduce((sum, { packages }) => sum + packages.length, 0);
}
