import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { BIN } from './run-rpmyard.ts';

const RUN_LIMIT_MS = 120_000;

/** A build machine: a workspace, a shell, curl and rpmyard. */
export interface CiAgent {
  readonly workspace: string;
  /** Runs a script with that shell and gives all that it printed, in order. */
  run(
    shell: readonly string[],
    script: string,
    env: Readonly<Record<string, string>>,
  ): Promise<{ readonly exitCode: number; readonly output: string }>;
  /** The arguments of every process of the machine, as every user could read them whenever a command was started. */
  readonly seenArguments: () => Promise<string>;
}

/** @param root an empty place for it. */
export async function createCiAgent(root: string): Promise<CiAgent> {
  const workspace = join(root, 'workspace');
  const bin = join(root, 'bin');
  const seen = join(root, 'seen');
  await Promise.all([workspace, bin].map(async (path) => mkdir(path, { recursive: true })));
  await writeFile(seen, '');
  // A test adds arguments at the end by curl_more and rpmyard_more, such as a shorter time for retries.
  const tools = {
    curl: '/usr/bin/curl',
    rpmyard: `${process.execPath} ${BIN}`,
    // A shell of its own has it; found here it would be a process with the token among its arguments.
    printf: '/usr/bin/printf',
  };
  for (const [name, command] of Object.entries(tools)) {
    const path = join(bin, name);
    const more = name === 'printf' ? '' : ` $${name}_more`;
    await writeFile(
      path,
      `#!/bin/sh\n{ echo "${name} $*"; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; } >> '${seen}'\nexec ${command} "$@"${more}\n`,
    );
    await chmod(path, 0o755);
  }
  return {
    workspace,
    run: async (shell, script, env) => {
      const path = join(root, 'script.sh');
      await writeFile(path, script);
      const { exitCode, stdout } = await execa('/bin/sh', ['-c', 'exec "$@" 2>&1', 'sh', ...shell, path], {
        cwd: workspace,
        reject: false,
        stdin: 'ignore',
        timeout: RUN_LIMIT_MS,
        stripFinalNewline: false,
        extendEnv: false,
        env: { PATH: `${bin}:/usr/bin:/bin`, HOME: root, no_proxy: '*', ...env },
      });
      return { exitCode: exitCode ?? -1, output: stdout };
    },
    seenArguments: async () => readFile(seen, 'utf8'),
  };
}
