import { closeSync, constants, createReadStream, fstatSync, openSync, type ReadStream } from 'node:fs';
import { join } from 'node:path';
import { AppError, errnoOf, toAppError } from '../errors.ts';
import { namesIn } from '../names-in.ts';
import { lastLines, runTool, type ToolResult } from './run-tool.ts';

/** Where the keys are, or the socket of the agent that has them. */
export interface GpgHome {
  /** The GNUPGHOME. */
  readonly gnupgHome: string;
  readonly passphraseFile: string | undefined;
}

export interface GpgCall {
  readonly args: readonly string[];
  /** Standard input. */
  readonly input?: string;
  /** The call makes the first secret key there may be, so it may start an agent. */
  readonly makesKey?: boolean;
  /** The call may need the secret key. */
  readonly needsSecret?: boolean;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface GpgResult extends ToolResult {
  /** The machine-readable lines of `--status-fd`, without their prefix (doc/DETAILS in GnuPG). */
  readonly status: readonly string[];
}

// A signature takes milliseconds, a smart card a second; an agent that waits for a person must not block the index.
const TIME_LIMIT_MS = 30_000;
const OTHERS = 0o077;
const STATUS_PREFIX = '[GNUPG:] ';

/**
 * Runs gpg, whatever options the user's own gpg.conf has. The passphrase reaches it through a descriptor of the file
 * itself: it is in no argument, no environment and no message.
 * @throws AppError SIGNING_FAILED when gpg cannot be run or is ended; its exit code is a result.
 */
export async function runGpg(home: GpgHome, call: GpgCall): Promise<GpgResult> {
  const { passphraseFile } = home;
  const needsIt = call.needsSecret === true && passphraseFile !== undefined;
  const passphrase = needsIt ? openPassphrase(passphraseFile) : undefined;
  try {
    const { exitCode, stdout, stderr } = await runTool({
      tool: 'gpg',
      args: await gpgArguments(home, call, passphrase),
      timeoutMs: call.timeoutMs ?? TIME_LIMIT_MS,
      input: call.input ?? '',
      thirdInput: passphrase,
      signal: call.signal,
    });
    return { exitCode, stdout, ...divided(stderr) };
  } catch (error) {
    throw signingFailed(error);
  } finally {
    passphrase?.destroy();
  }
}

async function gpgArguments(
  { gnupgHome }: GpgHome,
  { args, makesKey }: GpgCall,
  passphrase: ReadStream | undefined,
): Promise<readonly string[]> {
  return [
    '--homedir',
    gnupgHome,
    '--no-options',
    '--batch',
    '--no-tty',
    '--status-fd=2',
    ...(makesKey === true || (await hasSecretKeys(gnupgHome)) ? [] : ['--no-autostart']),
    ...(passphrase === undefined ? [] : ['--pinentry-mode=loopback', '--passphrase-fd=3']),
    ...args,
  ];
}

/** The end of what gpg said, for an error. */
export function lastWords({ exitCode, stderr }: ToolResult): string {
  return `exit code ${exitCode}: ${lastLines(stderr)}`;
}

/** @throws AppError SIGNING_FAILED for a file that others may read. */
function openPassphrase(path: string): ReadStream {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    const { mode } = fstatSync(fd);
    if ((mode & OTHERS) === 0) return createReadStream(path, { fd });
    throw new AppError('SIGNING_FAILED', `${path} may be read by others (mode ${octal(mode)})`, {
      hint: `Run: chmod 0600 ${path}`,
    });
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    if (errnoOf(error) === undefined) throw error;
    throw new AppError('SIGNING_FAILED', `the passphrase file ${path} cannot be read (${errnoOf(error)})`, {
      hint: 'Make it a regular file of mode 0600 that belongs to the user of this service.',
      cause: error,
    });
  }
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0');
}

/** An agent of our own could do nothing without a secret key, and would hide the one of another user who has it. */
async function hasSecretKeys(gnupgHome: string): Promise<boolean> {
  return (await namesIn(join(gnupgHome, 'private-keys-v1.d'))).some((name) => name.endsWith('.key'));
}

function divided(stderr: string): Pick<GpgResult, 'status' | 'stderr'> {
  const lines = stderr.split('\n');
  return {
    status: lines
      .filter((line) => line.startsWith(STATUS_PREFIX))
      .map((line) => line.slice(STATUS_PREFIX.length)),
    stderr: lines.filter((line) => !line.startsWith(STATUS_PREFIX)).join('\n'),
  };
}

/** A tool that is missing or was ended, as a fault of signing: what waits for the signature is kept and tried again. */
function signingFailed(cause: unknown): AppError {
  const { code, message, hint } = toAppError(cause);
  return new AppError('SIGNING_FAILED', message, {
    hint:
      code === 'SIGNING_TOOL_MISSING'
        ? hint
        : 'It is tried again. An agent that asks a person for the passphrase cannot be used: set signing.passphrase_file.',
    cause,
  });
}
