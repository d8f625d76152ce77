import { execa } from 'execa';
import { BIN, type CommandResult } from './run-rpmyard.ts';

const RUN_LIMIT_MS = 120_000;

export interface RunningPush {
  readonly ended: Promise<CommandResult>;
  /** Resolves when so many lines were written to standard output. */
  readonly whenSaid: (lineCount: number) => Promise<void>;
  readonly kill: (signal: NodeJS.Signals) => void;
}

/** Variables of a build server that would reach the command otherwise. */
const NONE = {
  BUILD_URL: '',
  CI_JOB_URL: '',
  GITHUB_RUN_ID: '',
  RPMYARD_TOKEN: '',
  RPMYARD_TOKEN_FILE: '',
  RPMYARD_URL: '',
};

/** Starts `rpmyard push` without a terminal. */
export function startPush(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): RunningPush {
  const child = execa(process.execPath, [BIN, 'push', ...args], {
    reject: false,
    stdin: 'ignore',
    timeout: RUN_LIMIT_MS,
    stripFinalNewline: false,
    env: { ...NONE, ...env },
    ...(cwd !== undefined && { cwd }),
  });
  let lineCount = 0;
  const waiting = new Set<{ readonly lineCount: number; readonly resolve: () => void }>();
  child.stdout.on('data', (piece: Buffer) => {
    lineCount += String(piece).split('\n').length - 1;
    for (const one of waiting) if (one.lineCount <= lineCount) one.resolve();
  });
  return {
    ended: child.then(({ exitCode, stdout, stderr }) => ({ exitCode: exitCode ?? -1, stdout, stderr })),
    whenSaid: async (wanted) => {
      if (wanted <= lineCount) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.add({ lineCount: wanted, resolve });
      await promise;
    },
    kill: (signal) => void child.kill(signal),
  };
}

/** Runs `rpmyard push` to its end. */
export async function runPush(...given: Parameters<typeof startPush>): Promise<CommandResult> {
  return startPush(...given).ended;
}
