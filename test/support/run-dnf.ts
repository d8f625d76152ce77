import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

/** The repository's id in dnf's output. */
export const DNF_REPOSITORY_ID = 't';

const DNF_LIMIT_MS = 120_000;

export interface DnfHost {
  /** Stands for a whole machine: installed packages, caches and logs lie in it. Made when missing. */
  readonly root: string;
  /** The baseurl: the directory that holds `repodata/`. Undefined: `options` name repositories of their own. */
  readonly repositoryUrl: string | undefined;
  /** Default 9. */
  readonly releasever?: string;
  /** Default x86_64. */
  readonly basearch?: string;
  /** More of dnf's options, such as `--setopt=t.repo_gpgcheck=1`; they come last and win. */
  readonly options?: readonly string[];
}

export interface DnfResult {
  /** dnf's own; -1 when a signal ended it. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Downloads the metadata, even when the cache is fresh. */
export async function dnfMakecache(host: DnfHost): Promise<DnfResult> {
  return runDnf(host, ['makecache', '--refresh']);
}

/** Prints one line `<name>-<epoch>:<version>-<release>.<arch>` for each package; an epoch of 0 is printed too. */
export async function dnfRepoquery(host: DnfHost, ...args: readonly string[]): Promise<DnfResult> {
  return runDnf(host, ['repoquery', '--quiet', ...args]);
}

/** Installs into the host's root, dependencies included. */
export async function dnfInstall(host: DnfHost, ...names: readonly string[]): Promise<DnfResult> {
  return runDnf(host, ['install', '--assumeyes', ...names]);
}

/** Any dnf command. A failure is a result, not an exception: tests look at the exit code. */
export async function runDnf(host: DnfHost, args: readonly string[]): Promise<DnfResult> {
  // dnf does not make its log directory and stops without it.
  await mkdir(join(host.root, 'var/log'), { recursive: true });
  const { exitCode, stdout, stderr } = await execa('dnf', [...hostOptions(host), ...args], {
    reject: false,
    stdin: 'ignore',
    timeout: DNF_LIMIT_MS,
    env: { LC_ALL: 'C.UTF-8', HOME: host.root },
  });
  return { exitCode: exitCode ?? -1, stdout, stderr };
}

function hostOptions(host: DnfHost): string[] {
  const releasever = host.releasever ?? '9';
  const id = DNF_REPOSITORY_ID;
  return [
    `--installroot=${host.root}`,
    // These three are not taken relative to the installroot: without them tests share the machine's own.
    `--setopt=cachedir=${host.root}/var/cache/dnf`,
    `--setopt=persistdir=${host.root}/var/lib/dnf`,
    `--setopt=logdir=${host.root}/var/log`,
    '--setopt=reposdir=/nonexistent',
    '--setopt=varsdir=/nonexistent',
    `--releasever=${releasever}`,
    `--forcearch=${host.basearch ?? 'x86_64'}`,
    `--setopt=module_platform_id=platform:el${releasever}`,
    '--disablerepo=*',
    '--setopt=metadata_expire=0',
    ...(host.repositoryUrl === undefined
      ? []
      : [
          `--repofrompath=${id},${host.repositoryUrl}`,
          `--enablerepo=${id}`,
          `--setopt=${id}.gpgcheck=0`,
          // Otherwise dnf leaves a broken repository out and exits 0.
          `--setopt=${id}.skip_if_unavailable=0`,
        ]),
    ...(host.options ?? []),
  ];
}
