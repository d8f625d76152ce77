import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { AppError, errnoOf } from '../errors.ts';
import { identityAt } from '../file-identity.ts';
import { checkRepodata, type RepodataCheck } from './check-repodata.ts';
import type { BuiltIndex, IndexEngine, IndexJob, LeftOut } from './index-engine.ts';
import { readPublicPackages } from './read-metadata.ts';
import { type CreaterepoOptions, engineMissing, runCreaterepo } from './run-createrepo.ts';
import { divideSetAside } from './set-aside.ts';

export interface CreaterepoEngineOptions extends CreaterepoOptions {
  readonly listPackages: (repositoryDir: string) => Promise<readonly string[]>;
  readonly sha256Of: (path: string) => Promise<string>;
}

// One run, one that reads everything again, one without what cannot be described, and one in reserve.
const MAX_BUILDS = 4;

/**
 * The engine that runs createrepo_c, and checks what it wrote: an engine's exit status says little. What it leaves out
 * or breaks is left out, the rest is described.
 */
export function createCreaterepoEngine(options: CreaterepoEngineOptions): IndexEngine {
  return {
    isCheapWhenUnchanged: false,
    build: (job, { signal }) => buildChecked(job, options, signal),
    findFault: async () =>
      (await options.findExecutable()) === undefined ? engineMissing(options.executable) : undefined,
    close: async () => undefined,
  };
}

async function buildChecked(
  job: IndexJob,
  options: CreaterepoEngineOptions,
  signal: AbortSignal,
): Promise<BuiltIndex> {
  const { repositoryDir, scratchDir, acknowledged } = job;
  const onDisk = await options.listPackages(repositoryDir);
  const { readmitted, staysOut } = divideSetAside(job);
  let locations = onDisk.filter((location) => !staysOut.has(location));
  let mayReuse = job.trust !== 'nothing';
  const leftOut: LeftOut[] = [];

  for (let build = 1; build <= MAX_BUILDS; build += 1) {
    await emptyDirectory(scratchDir);
    const warnings = await runCreaterepo({ repositoryDir, scratchDir, locations, mayReuse, signal }, options);
    const check = await checkRepodata({ scratchDir, locations, acknowledged, signal });
    if (check.changed.length > 0 && mayReuse) {
      // createrepo_c trusted size and mtime of a file that was exchanged; let it look at the bytes.
      mayReuse = false;
      continue;
    }
    await refuseUnexplained(check, repositoryDir, options.sha256Of);
    const left = leftOutOf(check, warnings, repositoryDir);
    leftOut.push(...left);
    locations = locations.filter((location) => !left.some((one) => one.location === location));
    if (check.unreadable.length > 0) continue;
    const isOnDisk = new Set(onDisk);
    return {
      isNew: true,
      packageCount: check.indexed.size,
      described: check.indexed,
      leftOut,
      readmitted,
      gone: [...acknowledged.keys()].filter((location) => !isOnDisk.has(location)),
      warnings: [],
    };
  }
  throw new AppError('INDEX_FAILED', `no publishable metadata after ${MAX_BUILDS} builds`, {
    hint: 'The former index stays; the log names the packages that made trouble.',
  });
}

async function emptyDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true });
}

/**
 * A package that cannot be read just now, or that was described before and has not changed, is no reason to be left out:
 * then the disk or createrepo_c is at fault (no memory, too many open files, a bad update), and setting aside would empty
 * the index.
 * @throws AppError INDEX_FAILED.
 */
async function refuseUnexplained(
  { missing }: RepodataCheck,
  repositoryDir: string,
  sha256Of: (path: string) => Promise<string>,
): Promise<void> {
  if (missing.length === 0) return;
  const published = await readPublicPackages(repositoryDir);
  for (const location of missing) {
    const sha256 = await digestNow(location, () => sha256Of(join(repositoryDir, location)));
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

function leftOutOf(
  { missing, unreadable }: RepodataCheck,
  warnings: readonly string[],
  repositoryDir: string,
): readonly LeftOut[] {
  const reasons = new Map<string, string>([
    ...missing.map((location) => [location, missingReason(location, warnings)] as const),
    ...unreadable.map(
      (location) =>
        [
          location,
          'its metadata holds text that XML cannot hold, a dependency nested too deep, or more than readers can take',
        ] as const,
    ),
  ]);
  return [...reasons].flatMap(([location, reason]) => {
    const identity = identityAt(join(repositoryDir, location));
    // Without an identity the file was removed by hand during the run.
    return identity === undefined ? [] : [{ location, identity, reason }];
  });
}

function missingReason(location: string, warnings: readonly string[]): string {
  const warning = warnings.find((line) => isAbout(line, location));
  return warning ?? 'the index engine left it out without a word';
}

/** createrepo_c names the file, or `<name> (<sha256>)` when it had read the package already. */
function isAbout(line: string, location: string): boolean {
  if (line.includes(location)) return true;
  const name = /for (?<name>\S+) \([0-9a-f]{64}\)/.exec(line)?.groups?.['name'];
  return name !== undefined && basename(location).startsWith(`${name}-`);
}
