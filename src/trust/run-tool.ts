import type { ReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import type { ExecaError } from 'execa';
import { AppError, errnoOf } from '../errors.ts';
import { describeEnding, isNotInstalled, lastLines } from '../base/programs/describe-ending.ts';
import { loadExeca } from '../base/programs/load-execa.ts';
import { locateExecutable } from '../base/files/locate-executable.ts';

/** The time that a tool gets between SIGTERM and SIGKILL. */
export const KILL_AFTER_MS = 2_000;
const VERSION_LIMIT_MS = 10_000;
// Importing sixteen thousand keys writes as much; a larger output is nothing that we asked for.
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

const PACKAGES: Readonly<Record<ToolRun['tool'], string>> = {
  gpg: 'apt-get install gnupg, or dnf install gnupg2',
  gpgv: 'apt-get install gpgv, or dnf install gnupg2',
  gpgconf: 'apt-get install gpgconf, or dnf install gnupg2',
  'gpg-connect-agent': 'apt-get install gpg-agent, or dnf install gnupg2',
  rpmsign: 'apt-get install rpm, or dnf install rpm-sign',
};

/** A program to run, with a limit for its time. */
export interface ToolRun {
  readonly tool: 'gpg' | 'gpgv' | 'gpgconf' | 'gpg-connect-agent' | 'rpmsign';
  readonly args: readonly string[];
  readonly timeoutMs: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The bytes for its standard input. */
  readonly input?: string | Readable;
  /** The bytes, or the open file, for its file descriptor 3. */
  readonly thirdInput?: Uint8Array | ReadStream | undefined;
  /** Ends it when the service stops. */
  readonly signal?: AbortSignal | undefined;
}

/** How a program ended by itself. */
export interface ToolResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program of GnuPG or rpm; an exit code other than 0 is a result.
 * @throws AppError SIGNING_TOOL_MISSING; SIGNING_TOOL_FAILED when a signal or a limit of the service ended it, or its
 * input could not be read to the end: its words are then about something else.
 */
export async function runTool(run: ToolRun): Promise<ToolResult> {
  const { tool, args, timeoutMs, cwd, env, input, thirdInput, signal } = run;
  const { execa, ExecaError } = await loadExeca();
  const result = await execa(tool, args, {
    reject: false,
    timeout: timeoutMs,
    forceKillAfterDelay: KILL_AFTER_MS,
    killDescendants: true,
    maxBuffer: MAX_OUTPUT_BYTES,
    // Armor ends with a line break.
    stripFinalNewline: false,
    // The program gets no environment of the service: GNUPGHOME, GPG_TTY and the like would change what it does.
    extendEnv: false,
    env: { LC_ALL: 'C.UTF-8', PATH: process.env['PATH'], ...env },
    // The program's user may not be allowed in this process's directory.
    cwd: cwd ?? '/',
    ...(signal === undefined ? {} : { cancelSignal: signal }),
    ...(input === undefined ? {} : { input }),
    stdio: [
      input === undefined ? 'ignore' : 'pipe',
      'pipe',
      'pipe',
      ...(thirdInput === undefined ? [] : [thirdInput]),
    ],
  });
  const { exitCode, stdout, stderr, isMaxBuffer, cause } = result;
  const isWhole = !isMaxBuffer && (cause === undefined || didNotReadOn(cause));
  if (exitCode !== undefined && isWhole) return { exitCode, stdout, stderr };
  throw result instanceof ExecaError ? toolError(tool, timeoutMs, result) : result;
}

/** A program that has seen enough closes its end of a pipe. No file that we read gives these errors. */
function didNotReadOn(cause: unknown): boolean {
  const errno = errnoOf(cause);
  return errno === 'EPIPE' || errno === 'ECONNRESET';
}

/** @throws AppError SIGNING_TOOL_MISSING. */
export async function requireTool(tool: ToolRun['tool']): Promise<void> {
  await runTool({ tool, args: ['--version'], timeoutMs: VERSION_LIMIT_MS });
}

/** The absolute path of a program. @throws AppError SIGNING_TOOL_MISSING. */
export async function findTool(tool: ToolRun['tool']): Promise<string> {
  const path = await locateExecutable(tool, process.env['PATH'] ?? '');
  if (path === undefined) throw toolMissing(tool);
  return path;
}

/** How a program ended and its last words, for messages. */
export function lastWords({ exitCode, stderr }: Pick<ToolResult, 'exitCode' | 'stderr'>): string {
  return `exit code ${exitCode}: ${lastLines(stderr)}`;
}

function toolError(tool: ToolRun['tool'], timeoutMs: number, error: ExecaError): AppError {
  if (isNotInstalled(error)) return toolMissing(tool, error);
  const ending = describeEnding(error, { timeoutMs, maxOutputBytes: MAX_OUTPUT_BYTES });
  return new AppError('SIGNING_TOOL_FAILED', `${tool} ${ending}`, {
    hint: 'Try again; if it fails again, the server log has the cause under this request id.',
    // The error about too much output holds all of it; its cause does not.
    cause: error.isMaxBuffer ? error.cause : error,
  });
}

function toolMissing(tool: ToolRun['tool'], cause?: unknown): AppError {
  return new AppError('SIGNING_TOOL_MISSING', `${tool} is not installed`, {
    hint: `Install it: ${PACKAGES[tool]}.`,
    cause,
  });
}
