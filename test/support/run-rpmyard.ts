import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

export const BIN = fileURLToPath(new URL('../../bin/rpmyard', import.meta.url));

const RUN_LIMIT_MS = 60_000;

export interface CommandResult {
  /** -1 when a signal ended it. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `bin/rpmyard` with the Node that runs the tests. A failure is a result, not an exception. */
export async function runRpmyard(...args: readonly string[]): Promise<CommandResult> {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [BIN, ...args], {
    reject: false,
    stdin: 'ignore',
    timeout: RUN_LIMIT_MS,
    stripFinalNewline: false,
  });
  return { exitCode: exitCode ?? -1, stdout, stderr };
}
