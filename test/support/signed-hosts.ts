import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DnfResult, runDnf } from './run-dnf.ts';
import { runZypper, type ZypperResult } from './run-zypper.ts';
import { sendRequest } from './send-request.ts';

const ID = 'rpmyard-9-x86_64';

/** A machine that was set up with the .repo file that the service writes for 9/x86_64. */
export interface SignedHost {
  readonly root: string;
  /** Reads the metadata anew, whatever the host knows. */
  refresh(...options: readonly string[]): Promise<DnfResult | ZypperResult>;
  /** Asks whether there is anything new. */
  look(): Promise<DnfResult | ZypperResult>;
  install(name: string): Promise<DnfResult | ZypperResult>;
}

async function saveRepoFile(
  baseUrl: string,
  reposDir: string,
  edit: (text: string) => string,
): Promise<void> {
  const answer = await sendRequest(baseUrl, { path: '/repo/9/x86_64.repo' });
  if (answer.status !== 200) throw new Error(`expected a .repo file, got ${answer.status}`);
  await mkdir(reposDir, { recursive: true });
  await writeFile(join(reposDir, 'rpmyard.repo'), edit(answer.text));
}

/** @param edit changes the .repo file, such as to the plain URL. */
export async function createDnfHost(
  baseUrl: string,
  root: string,
  edit = (text: string) => text,
): Promise<SignedHost> {
  const reposDir = join(root, 'repos');
  await saveRepoFile(baseUrl, reposDir, edit);
  const options = [
    `--setopt=reposdir=${reposDir}`,
    `--enablerepo=${ID}`,
    `--setopt=${ID}.skip_if_unavailable=0`,
  ];
  const host = { root, repositoryUrl: undefined, options };
  return {
    root,
    refresh: (...more) => runDnf(host, ['makecache', '--refresh', ...more]),
    look: () => runDnf(host, ['makecache', '--refresh']),
    install: (name) => runDnf(host, ['install', '--assumeyes', name]),
  };
}

/** @param edit changes the .repo file, such as to the plain URL. */
export async function createZypperHost(
  baseUrl: string,
  root: string,
  edit = (text: string) => text,
): Promise<SignedHost> {
  await saveRepoFile(baseUrl, join(root, 'etc/zypp/repos.d'), edit);
  const host = { root, repositoryUrl: '' };
  return {
    root,
    refresh: (...more) => runZypper(host, [...more, 'refresh', '--force', ID]),
    look: () => runZypper(host, ['refresh', ID]),
    install: (name) => runZypper(host, ['--no-refresh', 'install', '--allow-unsigned-rpm', name]),
  };
}
