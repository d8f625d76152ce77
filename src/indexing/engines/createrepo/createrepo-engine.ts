import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { AppError, errnoOf } from '../../../errors.ts';
import { unreadablePackage } from '../../unreadable-package.ts';
import { identityAt } from '../../../base/files/file-identity.ts';
import { reuseMetadata } from '../../metadata/reuse-metadata.ts';
import { checkRepodata, type RepodataCheck } from './check-repodata.ts';
import { findLost, findUnnamed, readFoundIndex } from '../../found-index.ts';
import type { BuiltIndex, FaultyPackage, IndexEngine, IndexJob, LeftOut } from '../../index-engine.ts';
import { readPublishedTexts, type WantedText } from '../incremental/published-texts.ts';
import { readSoundRepomd } from '../../../storage/read-repomd.ts';
import {
  type CreaterepoOptions,
  engineMissing,
  type ReusedMetadata,
  runCreaterepo,
} from '../../run-createrepo.ts';
import { divideSetAside } from '../../rebuild/set-aside.ts';
import { writePlainMetadata } from '../../metadata/write-plain-metadata.ts';

export interface CreaterepoEngineOptions extends CreaterepoOptions {
  readonly listPackages: (repositoryDir: string) => Promise<readonly string[]>;
  readonly sha256Of: (path: string) => Promise<string>;
}

// One run, one that reads everything again, one without the packages that cannot be described, one with those that stay
// as they were published, and one in reserve.
const MAX_BUILDS = 5;

/**
 * Runs createrepo_c, and checks what it wrote: an engine's exit status says little. It leaves out what createrepo_c
 * leaves out or breaks, and describes the rest.
 */
export function createCreaterepoEngine(options: CreaterepoEngineOptions): IndexEngine {
  return {
    isCheapWhenUnchanged: false,
    build: (job, { signal }) => buildChecked(job, options, signal),
    findFault: async () =>
      (await options.findCreaterepo()) === undefined ? engineMissing(options.executable) : undefined,
    close: async () => undefined,
  };
}

async function buildChecked(
  job: IndexJob,
  options: CreaterepoEngineOptions,
  signal: AbortSignal,
): Promise<BuiltIndex> {
  const { repositoryDir, scratchDir } = job;
  const onDisk = await options.listPackages(repositoryDir);
  const found = job.isFoundIndexKept ? await readFoundIndex(repositoryDir) : undefined;
  const unnamed = found === undefined ? [] : findUnnamed(onDisk, found, job);
  const { readmitted, staysOut } = divideSetAside(job);
  const isOut = new Set([...staysOut, ...job.heldBack, ...unnamed.map(({ location }) => location)]);
  let locations = onDisk.filter((location) => !isOut.has(location));
  let mayReuse = job.trust !== 'nothing';
  const leftOut: LeftOut[] = [];
  const faulty = new Map<string, FaultyPackage>();
  // A package that is known to be faulty costs no second build, unless its file has changed.
  let wanted = mayReuse ? knownFaults(job, locations) : [];

  for (let build = 1; build <= MAX_BUILDS; build += 1) {
    await emptyDirectory(scratchDir);
    const { kept, reuse } = await prepareReuse(wanted, { job, mayReuse, locations });
    const warnings = await runCreaterepo({ repositoryDir, scratchDir, locations, reuse, signal }, options);
    const check = await checkRepodata({ scratchDir, locations, acknowledged: job.acknowledged, signal });
    const damaged = await findDamaged(check, job, options.sha256Of);
    if (check.changed.some((location) => !damaged.has(location))) {
      // createrepo_c trusted size and mtime of a file that has changed; let it read the bytes.
      mayReuse = false;
      continue;
    }
    const left = findLeftOut(check, warnings, repositoryDir).filter(({ location }) => !damaged.has(location));
    const judged = await judge({ damaged, left, missing: check.missing }, job);
    for (const one of judged.faulty) faulty.set(one.location, one);
    leftOut.push(...judged.leftOut);
    wanted = [...wanted, ...judged.wanted];
    locations = locations.filter((location) => !judged.absent.has(location));
    // A package that was just left out is not in the new metadata; any other difference needs another build.
    if (check.unreadable.length > 0 || check.changed.length > 0 || judged.wanted.length > 0) continue;
    const isOnDisk = new Set(onDisk);
    return {
      isNew: true,
      packageCount: check.indexed.size,
      // A kept package was not examined, and stays as faulty as it is.
      described: new Map([...check.indexed].filter(([location]) => !kept.has(location))),
      leftOut,
      faulty: [...unnamed, ...faulty.values()],
      lost:
        found === undefined
          ? []
          : await findLost(found, check.indexed, { repositoryDir, primaryPath: check.primaryPath }),
      readmitted,
      gone: [...job.acknowledged.keys()].filter((location) => !isOnDisk.has(location)),
      warnings: [],
    };
  }
  throw new AppError('INDEX_FAILED', `no publishable metadata after ${MAX_BUILDS} builds`, {
    hint: 'The former index stays; the log names the packages that made trouble.',
  });
}

/** The packages whose published description stays, as long as their file is the faulty one. */
function knownFaults(
  { kept, repositoryDir, acknowledged }: IndexJob,
  locations: readonly string[],
): readonly WantedText[] {
  return locations.flatMap((location) => {
    const identity = kept.get(location);
    if (identity === undefined || identityAt(join(repositoryDir, location)) !== identity) return [];
    return [{ location, sha256: acknowledged.get(location) }];
  });
}

/**
 * The index from which createrepo_c may take descriptions: the published one with all that it finds unchanged itself,
 * or, where some packages stay as they were published, a copy with these and with what is unchanged.
 * @throws AppError INDEX_FAILED.
 */
async function prepareReuse(
  wanted: readonly WantedText[],
  by: { readonly job: IndexJob; readonly mayReuse: boolean; readonly locations: readonly string[] },
): Promise<{ readonly kept: ReadonlySet<string>; readonly reuse: ReusedMetadata | undefined }> {
  const { repositoryDir, scratchDir } = by.job;
  if (wanted.length === 0) {
    const reuse = by.mayReuse ? { directory: repositoryDir, isBelieved: false } : undefined;
    return { kept: new Set(), reuse };
  }
  const directory = join(scratchDir, 'reused');
  await mkdir(directory);
  const texts = await readPublishedTexts(repositoryDir, wanted, directory);
  const copies = Map.groupBy(by.locations, (location) => basename(location));
  const isAlone = (location: string): boolean => copies.get(basename(location))?.length === 1;
  for (const location of texts.keys()) if (!isAlone(location)) throw sameName(location);
  const published = by.mayReuse ? await readSoundRepomd(repositoryDir) : undefined;
  const adopted = published && (await reuseMetadata(repositoryDir, published, directory));
  const others = (adopted?.groups ?? []).filter(({ packages: [first] }) => {
    const location = first?.location ?? '';
    return isAlone(location) && !texts.has(location);
  });
  await writePlainMetadata([...texts.values(), ...others], directory);
  return { kept: new Set(texts.keys()), reuse: { directory, isBelieved: true } };
}

/** createrepo_c before 1.2 knows published packages by the names of their files alone. */
function sameName(location: string): AppError {
  return new AppError(
    'INDEX_FAILED',
    `${location} is to keep its published description, and another file has its name`,
    {
      hint: 'The former index stays; remove one of the two files, or take the engine "incremental".',
    },
  );
}

/**
 * The packages whose bytes are not the acknowledged ones, among those that createrepo_c described otherwise or not at all.
 * @throws AppError INDEX_FAILED when one cannot be read now.
 */
async function findDamaged(
  { changed, missing }: RepodataCheck,
  { repositoryDir, acknowledged }: IndexJob,
  sha256Of: (path: string) => Promise<string>,
): Promise<ReadonlySet<string>> {
  const damaged = new Set<string>();
  for (const location of [...changed, ...missing]) {
    const sha256 = await digestNow(location, () => sha256Of(join(repositoryDir, location)));
    if (sha256 !== undefined && sha256 !== (acknowledged.get(location) ?? sha256)) damaged.add(location);
  }
  return damaged;
}

interface Judgement {
  readonly faulty: readonly FaultyPackage[];
  readonly leftOut: readonly LeftOut[];
  /** Locations of packages whose published description stays. */
  readonly wanted: readonly WantedText[];
  /** Locations of those that are in no index. */
  readonly absent: ReadonlySet<string>;
}

/**
 * What becomes of packages that createrepo_c did not describe well: their published description stays where their bytes
 * are the published ones, or were the acknowledged ones; the others are left out.
 */
async function judge(
  found: {
    readonly damaged: ReadonlySet<string>;
    readonly left: readonly LeftOut[];
    readonly missing: readonly string[];
  },
  job: IndexJob,
): Promise<Judgement> {
  const { damaged, left } = found;
  const { repositoryDir, scratchDir, acknowledged } = job;
  const isMissing = new Set(found.missing);
  const asked = [
    ...[...damaged].map((location) => ({ location, sha256: acknowledged.get(location) })),
    ...left
      .filter(({ location }) => isMissing.has(location))
      .map(({ location }) => ({ location, sha256: undefined })),
  ];
  const published = await readPublishedTexts(repositoryDir, asked, scratchDir);
  const undescribable = left.filter(({ location }) => published.has(location));
  const leftOut = left.filter(({ location }) => !published.has(location));
  return {
    faulty: [
      ...[...damaged].flatMap((location) => damagedPackage(location, job)),
      ...undescribable.map((one): FaultyPackage => ({ ...one, code: 'PACKAGE_UNDESCRIBABLE' })),
    ],
    leftOut,
    wanted: asked.filter(({ location }) => published.has(location)),
    absent: new Set([
      ...leftOut.map(({ location }) => location),
      ...[...damaged].filter((one) => !published.has(one)),
    ]),
  };
}

/** None for a file that was removed meanwhile. */
function damagedPackage(
  location: string,
  { repositoryDir, acknowledged }: IndexJob,
): readonly FaultyPackage[] {
  const identity = identityAt(join(repositoryDir, location));
  const reason = `its sha256 is not the acknowledged ${acknowledged.get(location) ?? ''}`;
  return identity === undefined ? [] : [{ location, identity, reason, code: 'PACKAGE_DAMAGED' }];
}

async function emptyDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true });
}

/** Undefined for a file that was removed meanwhile; one that cannot be read now may be readable soon. */
async function digestNow(location: string, digest: () => Promise<string>): Promise<string | undefined> {
  try {
    return await digest();
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === 'ENOENT') return undefined;
    throw unreadablePackage(location, errno, cause);
  }
}

function findLeftOut(
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
