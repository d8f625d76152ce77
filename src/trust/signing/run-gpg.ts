import type { ReadStream } from 'node:fs';
import type { GpgHome } from '../../base/config/load.ts';
import { agentOptions, openPassphrase, UNATTENDED } from '../gpg-home.ts';
import { runTool, type ToolResult } from '../run-tool.ts';

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

/** Keys in a form for programs, with the fingerprints of subkeys in every version of gpg. */
export const LIST_KEYS: readonly string[] = [
  '--with-colons',
  '--fixed-list-mode',
  '--with-fingerprint',
  '--with-fingerprint',
  // gpg trusts no key by it, and writes nothing for it.
  '--trust-model=always',
];

// A signature takes milliseconds, a smart card a second; an agent that waits for a person must not block the index.
const TIME_LIMIT_MS = 30_000;
const STATUS_PREFIX = '[GNUPG:] ';

/**
 * Runs gpg; the user's own gpg.conf has no effect. The passphrase reaches gpg through a descriptor of the file itself:
 * it is in no argument, no environment and no message.
 * @throws AppError SIGNING_TOOL_MISSING, SIGNING_TOOL_FAILED; SIGNING_FAILED for the passphrase file. Its exit code is
 * a result.
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
  } finally {
    passphrase?.destroy();
  }
}

async function gpgArguments(
  home: GpgHome,
  { args, makesKey }: GpgCall,
  passphrase: ReadStream | undefined,
): Promise<readonly string[]> {
  return [
    '--homedir',
    home.gnupgHome,
    ...UNATTENDED,
    '--status-fd=2',
    ...(makesKey === true ? [] : await agentOptions(home)),
    ...(passphrase === undefined ? [] : ['--pinentry-mode=loopback', '--passphrase-fd=3']),
    ...args,
  ];
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
