import { closeSync, constants, createReadStream, fstatSync, openSync, type ReadStream } from 'node:fs';
import { join } from 'node:path';
import { execa, ExecaError } from 'execa';
import { AppError, errnoOf } from '../errors.ts';
import { namesIn } from '../names-in.ts';

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

export interface GpgResult {
  readonly exitCode: number;
  readonly stdout: string;
  /** The machine-readable lines of `--status-fd`, without their prefix (doc/DETAILS in GnuPG). */
  readonly status: readonly string[];
  readonly stderr: string;
}

// A signature takes milliseconds, a smart card a second; an agent that waits for a person must not block the index.
const TIME_LIMIT_MS = 30_000;
const KILL_AFTER_MS = 2_000;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
const MAX_MESSAGE_LINES = 3;
const OTHERS = 0o077;
const STREAMS = ['pipe', 'pipe', 'pipe'] as const;
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
    const { stdout, stderr } = await execa('gpg', await gpgArguments(home, call, passphrase), {
      timeout: call.timeoutMs ?? TIME_LIMIT_MS,
      forceKillAfterDelay: KILL_AFTER_MS,
      ...(call.signal !== undefined && { cancelSignal: call.signal }),
      maxBuffer: MAX_OUTPUT_BYTES,
      stripFinalNewline: false,
      input: call.input ?? '',
      // Descriptor 3 is the passphrase's.
      stdio: passphrase === undefined ? STREAMS : [...STREAMS, passphrase],
      env: { LC_ALL: 'C.UTF-8' },
    });
    return { exitCode: 0, stdout, ...divided(stderr) };
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    if (error.exitCode === undefined || error.timedOut || error.isCanceled) throw gpgFault(error, call);
    return { exitCode: error.exitCode, stdout: String(error.stdout), ...divided(String(error.stderr)) };
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
export function lastWords({ exitCode, stderr }: Pick<GpgResult, 'exitCode' | 'stderr'>): string {
  const lines = stderr.split('\n').filter((line) => line !== '');
  return `exit code ${exitCode}: ${lines.slice(-MAX_MESSAGE_LINES).join(' | ')}`;
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

function gpgFault(error: ExecaError, call: GpgCall): AppError {
  if (error.code === 'ENOENT') {
    return new AppError('SIGNING_FAILED', 'gpg is not installed', {
      hint: 'Install GnuPG: apt-get install gnupg, or dnf install gnupg2.',
      cause: error,
    });
  }
  const seconds = (call.timeoutMs ?? TIME_LIMIT_MS) / 1000;
  const ending = error.timedOut
    ? `did not finish in ${seconds} s`
    : error.isCanceled
      ? 'was ended because the service is stopping'
      : `ended with signal ${error.signal}`;
  return new AppError('SIGNING_FAILED', `gpg ${ending}`, {
    hint: error.timedOut
      ? 'An agent that asks a person for the passphrase cannot be used: set signing.passphrase_file.'
      : 'The former index stays and the run is tried again.',
    cause: error,
  });
}
