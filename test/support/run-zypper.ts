import { mkdir } from 'node:fs/promises';
import { execa } from 'execa';

/** The repository's alias in zypper's output. */
export const ZYPPER_REPOSITORY_ALIAS = 't';

const ZYPPER_LIMIT_MS = 120_000;

export interface ZypperHost {
  /** Stands for a whole machine: installed packages, repositories and caches lie in it. Made when missing. */
  readonly root: string;
  /** The baseurl: the directory that holds `repodata/`. */
  readonly repositoryUrl: string;
}

export interface ZypperResult {
  /** zypper's own (4: a repository could not be read, 104: nothing found); -1 when a signal ended it. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Makes the repository known to the host; once per root, before everything else. */
export async function zypperAddRepository(host: ZypperHost): Promise<ZypperResult> {
  return runZypper(host, ['addrepo', '--no-gpgcheck', host.repositoryUrl, ZYPPER_REPOSITORY_ALIAS]);
}

/** Downloads the metadata, even when the cache is fresh. */
export async function zypperRefresh(host: ZypperHost): Promise<ZypperResult> {
  return runZypper(host, ['refresh', '--force', ZYPPER_REPOSITORY_ALIAS]);
}

/** A table of packages with their versions, from the metadata of the last refresh. */
export async function zypperSearch(host: ZypperHost, ...args: readonly string[]): Promise<ZypperResult> {
  return runZypper(host, ['--no-refresh', 'search', '--details', ...args]);
}

/** Installs into the host's root, dependencies included, from the metadata of the last refresh. */
export async function zypperInstall(host: ZypperHost, ...names: readonly string[]): Promise<ZypperResult> {
  return runZypper(host, ['--no-refresh', 'install', ...names]);
}

/** Any zypper command. A failure is a result, not an exception: tests look at the exit code. */
export async function runZypper(host: ZypperHost, args: readonly string[]): Promise<ZypperResult> {
  await mkdir(host.root, { recursive: true });
  const { exitCode, stdout, stderr } = await execa(
    'zypper',
    ['--root', host.root, '--non-interactive', ...args],
    {
      reject: false,
      stdin: 'ignore',
      timeout: ZYPPER_LIMIT_MS,
      env: { LC_ALL: 'C.UTF-8', HOME: host.root },
    },
  );
  return { exitCode: exitCode ?? -1, stdout, stderr };
}
