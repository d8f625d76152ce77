import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { ExecaError } from 'execa';
import { describeEnding, isNotInstalled, splitLines } from '../base/programs/describe-ending.ts';
import { loadExeca } from '../base/programs/load-execa.ts';
import { AppError } from '../errors.ts';

export interface CreaterepoOptions {
  /** Looked up before each run, so that installing it heals without a restart. */
  readonly findCreaterepo: () => Promise<string | undefined>;
  /** The configured name, for messages. */
  readonly executable: string;
  /** Arguments that the configuration adds. */
  readonly extraArguments: readonly string[];
  readonly timeoutMs: number;
}

/** After the polite signal; createrepo_c has nothing to save, its scratch directory is ours. */
export const KILL_AFTER_MS = 5_000;
const MAX_REPORT_BYTES = 4 * 1024 * 1024;
// The names of the program in distributions.
const OWN_NAMES: ReadonlySet<string> = new Set(['createrepo', 'createrepo_c']);
const PARTIAL_EXIT_CODE = 2;

/** Metadata that createrepo_c takes descriptions from. */
export interface ReusedMetadata {
  /** Holds a `repodata/`. */
  readonly directory: string;
  /** True: also where size and mtime of a file are not those that were described. */
  readonly isBelieved: boolean;
}

/** What createrepo_c has to describe. */
export interface CreaterepoRun {
  readonly repositoryDir: string;
  readonly scratchDir: string;
  /** Paths of the packages below `repositoryDir`: exactly these belong into the index. */
  readonly locations: readonly string[];
  /** The index whose descriptions it may take without reading the packages; undefined: it reads every package. */
  readonly reuse: ReusedMetadata | undefined;
  readonly signal: AbortSignal;
}

/**
 * Runs createrepo_c on a list of packages, with every option that differs between its versions said.
 * @returns its warnings, one a line; those about a package name its file.
 * @throws AppError INDEX_FAILED, INDEX_ENGINE_MISSING.
 */
export async function runCreaterepo(
  run: CreaterepoRun,
  options: CreaterepoOptions,
): Promise<readonly string[]> {
  const executable = await options.findCreaterepo();
  if (executable === undefined) throw engineMissing(options.executable);
  const packageList = join(run.scratchDir, 'pkglist');
  await writeFile(packageList, run.locations.map((location) => `${location}\n`).join(''));
  return execute(executable, createrepoArguments(options.extraArguments, run, packageList), {
    timeoutMs: options.timeoutMs,
    signal: run.signal,
    scratchDir: run.scratchDir,
  });
}

function createrepoArguments(
  extraArguments: readonly string[],
  job: CreaterepoRun,
  packageList: string,
): readonly string[] {
  const extra = extraArguments.filter((argument) => argument !== '--update' && argument !== '--skip-stat');
  return [
    ...extra,
    '--checksum=sha256',
    '--compress-type=gz',
    '--general-compress-type=gz',
    '--unique-md-filenames',
    ...(extra.some((argument) => argument === '--database' || argument === '-d') ? [] : ['--no-database']),
    ...(extra.some((argument) => argument.startsWith('--workers'))
      ? []
      : [`--workers=${availableParallelism()}`]),
    '--skip-symlinks',
    ...reuseArguments(job.reuse),
    '--pkglist',
    packageList,
    '--outputdir',
    job.scratchDir,
    job.repositoryDir,
  ];
}

function reuseArguments(reuse: ReusedMetadata | undefined): readonly string[] {
  if (reuse === undefined) return [];
  const trusting = reuse.isBelieved ? ['--skip-stat'] : [];
  return ['--update', ...trusting, '--update-md-path', reuse.directory];
}

interface RunLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly scratchDir: string;
}

async function execute(
  executable: string,
  createrepoArgs: readonly string[],
  limits: RunLimits,
): Promise<readonly string[]> {
  const { execa, ExecaError } = await loadExeca();
  try {
    const { stderr } = await execa(executable, createrepoArgs, {
      timeout: limits.timeoutMs,
      forceKillAfterDelay: KILL_AFTER_MS,
      cancelSignal: limits.signal,
      maxBuffer: MAX_REPORT_BYTES,
      stdin: 'ignore',
      stdout: 'ignore',
      // A wrapper script's child that outlived it would hold its standard error open, and we would wait for that.
      killDescendants: true,
      // Its messages are searched for file names: no translation.
      env: { LC_ALL: 'C.UTF-8' },
    });
    return splitLines(stderr);
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    if (isPartial(error, limits.scratchDir)) return splitLines(error.stderr);
    throw engineError(executable, limits, error);
  }
}

/**
 * Since 0.18 createrepo_c ends with 2 when it left a package out, its metadata complete otherwise; what it left out is
 * found by comparing.
 */
function isPartial(error: ExecaError, scratchDir: string): boolean {
  return error.exitCode === PARTIAL_EXIT_CODE && existsSync(join(scratchDir, 'repodata', 'repomd.xml'));
}

function engineError(executable: string, { timeoutMs }: RunLimits, error: ExecaError): AppError {
  if (isNotInstalled(error)) return engineMissing(executable, error);
  const ending = describeEnding(error, { timeoutMs, maxOutputBytes: MAX_REPORT_BYTES });
  const option = error.timedOut ? ' (index_updater.timeout_seconds)' : '';
  return new AppError('INDEX_FAILED', `${executable} ${ending}${option}`, {
    hint: error.isCanceled
      ? 'The service was stopped; the next start indexes the repository.'
      : 'The former index stays and the run is tried again; correct what the message names.',
    cause: error,
  });
}

/** A name of createrepo_c that is not there is not installed; any other is what the administrator wrote. */
export function engineMissing(executable: string, cause?: unknown): AppError {
  const install = 'apt-get install createrepo-c, or dnf install createrepo_c';
  if (OWN_NAMES.has(executable)) {
    return new AppError('INDEX_ENGINE_MISSING', `${executable} is not installed, so no index can be built`, {
      hint: `Install createrepo_c: ${install}.`,
      cause,
    });
  }
  return new AppError(
    'INDEX_ENGINE_MISSING',
    `there is no program ${executable} that this user may run (index_updater.executable), so no index can be built`,
    {
      hint: `Correct index_updater.executable, or leave it out and install createrepo_c: ${install}.`,
      cause,
    },
  );
}
