import { createReadStream, existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Readable } from 'node:stream';
import pLimit from 'p-limit';
import { AppError } from '../errors.ts';
import type { Keyring } from './keyring.ts';
import { readGpgvStatus } from './signing/read-gpgv-status.ts';
import { lastWords, runTool } from './run-tool.ts';
import type { SignatureVerdict } from '../api/signature-verdict.ts';

/** A signature, and the bytes that it signs. */
export interface Detached {
  /** A packet, or an armor around one. */
  readonly signature: Uint8Array;
  readonly content: string | SignedBytes;
  /** Ends the verification. */
  readonly signal?: AbortSignal | undefined;
}

export interface SignedBytes {
  readonly path: string;
  /** The offset of its first byte. */
  readonly start: number;
  /** The offset after its last byte; without it the part goes to the end of the file. */
  readonly end?: number;
}

/** Verifies one signature against a keyring. @throws AppError SIGNING_TOOL_MISSING, SIGNING_TOOL_FAILED. */
export type Gpgv = (detached: Detached, keyring: Keyring) => Promise<SignatureVerdict>;

// gpgv hashes more than 200 MB/s, so that this is enough for a package of 10 GiB with a signature of the whole of it.
const GPGV_LIMIT_MS = 60_000;
// gpgv: the signature does not fit, or it could not be checked. It ends with 2 for everything else.
const GPGV_EXIT_CODES: readonly number[] = [0, 1, 2];

/** Runs gpgv for at most as many signatures at once as there are cores; callers that share it share this limit. */
export function createGpgv(): Gpgv {
  const takeTurn = pLimit(availableParallelism());
  return (detached, keyring) => takeTurn(() => verifyDetached(detached, keyring));
}

async function verifyDetached(
  { signature, content, signal }: Detached,
  keyring: Keyring,
): Promise<SignatureVerdict> {
  // Everything goes through pipes: there is no second copy of the content, and nothing to clean up.
  const input = typeof content === 'string' ? content : openPart(content);
  try {
    const result = await runTool({
      tool: 'gpgv',
      args: gpgvArguments(keyring),
      timeoutMs: GPGV_LIMIT_MS,
      input,
      thirdInput: signature,
      signal,
    });
    // gpgv takes a missing keyring for one without keys.
    const hasJudged = GPGV_EXIT_CODES.includes(result.exitCode) && existsSync(keyring.path);
    if (hasJudged) return readGpgvStatus(result.stdout, keyring.keys);
    throw new AppError('SIGNING_TOOL_FAILED', `gpgv ended with ${lastWords(result)}`, {
      hint: 'Try again; if it fails again, the server log has the cause under this request id.',
    });
  } finally {
    // gpgv does not read on when it does not understand the signature.
    if (typeof input !== 'string') input.destroy();
  }
}

function openPart({ path, start, end }: SignedBytes): Readable {
  return createReadStream(path, end === undefined ? { start } : { start, end: end - 1 });
}

/** The signature comes on descriptor 3, the signed bytes on standard input. */
function gpgvArguments({ path, homeDir }: Keyring): readonly string[] {
  const settings = ['--homedir', homeDir, '--status-fd', '1', '--keyring', path];
  return ['--enable-special-filenames', ...settings, '--', '-&3', '-'];
}
