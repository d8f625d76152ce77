import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { AppError, errnoOf } from '../errors.ts';
import type { PackageStore, StoredPackage } from '../place/package-store.ts';
import type { RepositoryLayout, RepositoryName } from '../place/repository-layout.ts';
import type { Records, SetAside } from '../records/records.ts';
import { checkRepodata, type RepodataCheck } from './check-repodata.ts';
import type { EngineReport, IndexEngine } from './index-engine.ts';
import { publishRepodata } from './publish-repodata.ts';
import { readPublicPackages } from './read-metadata.ts';
import type { PublishedIndex } from './repository-queue.ts';
import { type KeepRules, thinSuperseded } from './thin-superseded.ts';
import { writeEmptyRepodata } from './write-empty-repodata.ts';

export interface ReindexParts {
  readonly layout: RepositoryLayout;
  readonly store: PackageStore;
  readonly records: Records;
  readonly engine: IndexEngine;
  /** On the tree's mount, outside of what is served. */
  readonly scratchRoot: string;
  readonly keepRules: KeepRules;
  readonly now: () => number;
  readonly log: ReindexLog;
}

/** The part of pino that this stage uses. */
export interface ReindexLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

// One run, one that reads everything again, one without what cannot be described, and one in reserve.
const MAX_BUILDS = 4;

/**
 * Rebuilds and publishes the index of one repository. Nothing is published unless the metadata describes exactly the
 * packages that belong into it; those that the engine cannot describe are set aside with a record, the rest is published.
 * @throws AppError INDEX_FAILED, INDEX_ENGINE_MISSING; the former index then stays.
 */
export async function reindexRepository(
  repository: RepositoryName,
  parts: ReindexParts,
  signal: AbortSignal,
): Promise<PublishedIndex> {
  const acknowledged = parts.records.acknowledgedDigests(repository);
  let packages = await expectedPackages(repository, acknowledged, parts);
  let mayReuse = true;

  for (let build = 1; build <= MAX_BUILDS; build += 1) {
    const scratchDir = await makeScratch(parts.scratchRoot);
    try {
      const locations = packages.map(({ location }) => location);
      const repositoryDir = parts.layout.directoryOf(repository);
      const report = await parts.engine.build({ repositoryDir, locations, scratchDir, mayReuse, signal });
      const check = await checkRepodata({ scratchDir, locations, acknowledged, signal });
      if (check.changed.length > 0 && mayReuse) {
        // The engine trusted size and mtime of a file that was exchanged; let it look at the bytes.
        mayReuse = false;
        continue;
      }
      await blameEngine(repository, packages, check, parts);
      packages = await setAside(repository, packages, { check, report, parts });
      if (check.unreadable.length > 0) continue;
      correctReceipts(repository, check, parts);
      return await publish(repository, { check, scratchDir, parts });
    } finally {
      await removeScratch(scratchDir, parts.log);
    }
  }
  throw new AppError('INDEX_FAILED', `no publishable metadata after ${MAX_BUILDS} builds`, {
    hint: 'The former index stays; the log names the packages that made trouble.',
  });
}

/** Publishes an index without packages, for a repository that has none yet. */
export async function publishEmptyIndex(
  repository: RepositoryName,
  parts: Pick<ReindexParts, 'layout' | 'scratchRoot' | 'now' | 'log'>,
): Promise<PublishedIndex> {
  const scratchDir = await makeScratch(parts.scratchRoot);
  try {
    await writeEmptyRepodata(scratchDir, parts.now());
    const repomd = await publishRepodata(parts.layout.directoryOf(repository), scratchDir);
    return { packageCount: 0, revision: repomd.revision };
  } finally {
    await removeScratch(scratchDir, parts.log);
  }
}

/** What is on disk, minus what is set aside and still the same file. */
async function expectedPackages(
  repository: RepositoryName,
  acknowledged: ReadonlyMap<string, string>,
  { store, records }: ReindexParts,
): Promise<readonly StoredPackage[]> {
  const stored = await store.listPackages(repository);
  const asideLocations = new Set<string>();
  const byLocation = new Map(stored.map((file) => [file.location, file]));
  for (const record of records.listSetAside(repository)) {
    const file = byLocation.get(record.location);
    const identity = file && (await store.identityOf(file.path));
    if (identity === record.identity) asideLocations.add(record.location);
    else records.takeBack(repository, record.location);
  }
  // Removed by hand: what is on disk is the truth.
  records.forget(
    repository,
    [...acknowledged.keys()].filter((location) => !byLocation.has(location)),
  );
  return stored.filter(({ location }) => !asideLocations.has(location));
}

/**
 * A package that cannot be read just now, or that was described before and has not changed, is no reason to be left out:
 * then the disk or the engine is at fault (no memory, too many open files, a bad update), and setting aside would empty
 * the index.
 * @throws AppError INDEX_FAILED.
 */
async function blameEngine(
  repository: RepositoryName,
  packages: readonly StoredPackage[],
  { missing }: RepodataCheck,
  { layout, store }: ReindexParts,
): Promise<void> {
  if (missing.length === 0) return;
  const published = await readPublicPackages(layout.directoryOf(repository));
  const isMissing = new Set(missing);
  for (const { location, path } of packages) {
    if (!isMissing.has(location)) continue;
    const sha256 = await digestNow(location, () => store.sha256Of(path));
    if (sha256 !== undefined && sha256 === published.get(location)) {
      throw new AppError('INDEX_FAILED', `the engine left out ${location}, which it described before`, {
        hint: 'The former index stays and the run is tried again; if it lasts, look at the engine and the memory of the machine, or remove the package.',
      });
    }
  }
}

/** Undefined for a file that was removed meanwhile; one that cannot be read now may be readable soon. */
async function digestNow(location: string, digest: () => Promise<string>): Promise<string | undefined> {
  try {
    return await digest();
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === 'ENOENT') return undefined;
    throw new AppError('INDEX_FAILED', `${location} cannot be read (${errno ?? 'no reason given'})`, {
      hint: 'The former index stays and the run is tried again; look at the rights of the file and at the disk.',
      cause,
    });
  }
}

/** Records the packages that the engine could not describe; gives the others. */
async function setAside(
  repository: RepositoryName,
  packages: readonly StoredPackage[],
  found: { readonly check: RepodataCheck; readonly report: EngineReport; readonly parts: ReindexParts },
): Promise<readonly StoredPackage[]> {
  const { check, report, parts } = found;
  const reasons = new Map<string, string>([
    ...check.missing.map((location) => [location, missingReason(location, report)] as const),
    ...check.unreadable.map(
      (location) =>
        [location, 'its metadata holds text that XML cannot hold, or more than readers can take'] as const,
    ),
  ]);
  const aside: SetAside[] = [];
  for (const { location, path } of packages) {
    const reason = reasons.get(location);
    const identity = reason === undefined ? undefined : await parts.store.identityOf(path);
    // Without an identity the file was removed by hand during the run.
    if (reason === undefined || identity === undefined) continue;
    aside.push({ repository, location, identity, reason, sinceMs: parts.now() });
    parts.log.warn({ repository, location, reason }, 'package set aside: it is not in the index');
  }
  parts.records.setAside(aside);
  return packages.filter(({ location }) => !reasons.has(location));
}

function missingReason(location: string, report: EngineReport): string {
  const warning = report.warnings.find((line) => isAbout(line, location));
  return warning ?? 'the index engine left it out without a word';
}

/** createrepo_c names the file, or `<name> (<sha256>)` when it had read the package already. */
function isAbout(line: string, location: string): boolean {
  if (line.includes(location)) return true;
  const name = /for (?<name>\S+) \([0-9a-f]{64}\)/.exec(line)?.groups?.['name'];
  return name !== undefined && basename(location).startsWith(`${name}-`);
}

/** What is on disk is the truth, also when somebody exchanged a file by hand. */
function correctReceipts(
  repository: RepositoryName,
  check: RepodataCheck,
  { records, log }: ReindexParts,
): void {
  for (const location of check.changed) {
    const sha256 = check.indexed.get(location);
    if (sha256 === undefined) continue;
    log.warn(
      { repository, location, sha256 },
      'package was exchanged on disk: its digest is not the acknowledged one',
    );
    records.correctDigest(repository, location, sha256);
  }
}

async function publish(
  repository: RepositoryName,
  made: { readonly check: RepodataCheck; readonly scratchDir: string; readonly parts: ReindexParts },
): Promise<PublishedIndex> {
  const { records, layout, keepRules, now } = made.parts;
  const repositoryDir = layout.directoryOf(repository);
  const repomd = await publishRepodata(repositoryDir, made.scratchDir);
  records.markPublished(repository, made.check.indexed, now());
  try {
    const known = records.listSuperseded(repository);
    const kept = await thinSuperseded({ repositoryDir, repomd, known, rules: keepRules, nowMs: now() });
    records.replaceSuperseded(repository, kept);
  } catch (error) {
    // The index is public; what was not cleaned up now is by the next run.
    made.parts.log.warn({ repository, err: error }, 'superseded metadata not thinned');
  }
  return { packageCount: made.check.indexed.size, revision: repomd.revision };
}

async function makeScratch(scratchRoot: string): Promise<string> {
  const scratchDir = join(scratchRoot, randomUUID());
  await mkdir(scratchDir, { recursive: true });
  return scratchDir;
}

async function removeScratch(scratchDir: string, log: ReindexLog): Promise<void> {
  try {
    await rm(scratchDir, { recursive: true, force: true });
  } catch (error) {
    log.warn({ scratchDir, err: error }, 'scratch directory not removed; the next start does it');
  }
}
