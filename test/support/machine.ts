import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { eventually } from './eventually.ts';
import type { CommandResult } from './run-rpmyard.ts';
import { createTempDir } from './temp-dir.ts';

const BOOT_SCRIPT = fileURLToPath(new URL('boot-machine.sh', import.meta.url));
const COMMAND_LIMIT_MS = 300_000;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A copy of this machine on which everything may be changed: files go to memory, and systemd is its first process. */
export interface Machine extends AsyncDisposable {
  /** Runs a bash script as root. A failure is a result, not an exception. */
  readonly run: (script: string) => Promise<CommandResult>;
  /** Of its first process, as seen from here. */
  readonly pid: number;
  /** Where its files are as seen from here: `<rootDir>/etc/hosts` is its /etc/hosts. */
  readonly rootDir: string;
}

export interface MachineOptions {
  /** Another machine whose network, loopback included, this one shares. */
  readonly networkOf?: Machine;
}

/** Boots a machine; leaving the scope of an `await using` ends all its processes and removes what they wrote. */
export async function startMachine({ networkOf }: MachineOptions = {}): Promise<Machine> {
  const temp = await createTempDir();
  const boot =
    networkOf === undefined
      ? [BOOT_SCRIPT, temp.path, '--net']
      : ['nsenter', '--net', `--target=${networkOf.pid}`, BOOT_SCRIPT, temp.path];
  // It ends with the process that runs the tests, also when that is killed.
  const child = spawn('setpriv', ['--pdeathsig=KILL', ...boot], { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    complaints += piece;
  });

  const end = async (pid: number | undefined): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      process.kill(pid ?? child.pid ?? -1, 'SIGKILL');
      await ended;
    }
    await removeControlGroups(basename(temp.path));
    await temp.remove();
  };

  const pid = await eventually(() => firstProcessOf(child.pid)).catch(async (cause: unknown) => {
    await end(undefined);
    throw new Error(`the machine did not start: ${complaints}`, { cause });
  });
  const machine: Machine = {
    pid,
    rootDir: `/proc/${pid}/root`,
    run: (script) => runInside(pid, script),
    [Symbol.asyncDispose]: () => end(pid),
  };
  try {
    await eventually(() => hasBooted(machine));
  } catch (cause) {
    const { stdout } = await machine.run('systemctl --failed; journalctl --boot --lines=50');
    await end(pid);
    throw new Error(`the machine did not start: ${complaints}\n${stdout}`, { cause });
  }
  return machine;
}

/** Writes a file on the machine. */
export async function put(
  machine: Machine,
  path: string,
  content: string | Uint8Array,
  mode = 0o644,
): Promise<void> {
  const target = join(machine.rootDir, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, content, { mode });
}

/** Runs a script that must succeed, and gives what it said. Throws with the end of the journal. */
export async function must(machine: Machine, script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await machine.run(script);
  if (exitCode === 0) return stdout.trim();
  const { stdout: journal } = await machine.run('journalctl --boot --lines=40 --no-pager');
  throw new Error(`exit code ${exitCode} of:\n${script}\n${stdout}\n${stderr}\n${journal}`);
}

/** What the script starts by `unshare --fork`, which takes the script's place. */
async function firstProcessOf(pid: number | undefined): Promise<number> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8');
  if (name.trim() !== 'unshare') throw new Error('the script is not so far');
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  if (children.trim() === '') throw new Error('it has no child yet');
  return Number(children.trim());
}

async function hasBooted(machine: Machine): Promise<void> {
  const { stdout, stderr } = await machine.run('systemctl is-system-running --wait');
  if (stdout.trim() !== 'running') throw new Error(`the machine is ${stdout.trim()}: ${stderr}`);
}

/** Directories that cannot be removed as a tree: the files in them are the kernel's. */
async function removeControlGroups(name: string): Promise<void> {
  for (const hierarchy of ['', '/systemd', '/unified']) {
    const group = `/sys/fs/cgroup${hierarchy}/${name}`;
    if (existsSync(group)) await execa('find', [group, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';']);
  }
}

async function runInside(pid: number, script: string): Promise<CommandResult> {
  const args = [`--target=${pid}`, '--all', '--root', '--wd', 'bash', '-c', script];
  const { exitCode, stdout, stderr } = await execa('nsenter', args, {
    reject: false,
    stdin: 'ignore',
    timeout: COMMAND_LIMIT_MS,
    stripFinalNewline: false,
    extendEnv: false,
    env: { PATH, HOME: '/root', LANG: 'C.UTF-8' },
  });
  return { exitCode: exitCode ?? -1, stdout, stderr };
}
