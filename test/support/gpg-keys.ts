import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { createTempDir } from './temp-dir.ts';

const GPG_LIMIT_MS = 120_000;

export interface KeyOptions {
  /** Default ed25519. */
  readonly algorithm?: string;
  /** Default never; `1y`, or an ISO date. */
  readonly expires?: string;
  /** Default empty. */
  readonly passphrase?: string;
  /** Of the signature by which the key holds its user id; default gpg's own. */
  readonly certDigest?: string;
  /** As gpg's --faked-system-time takes it: a key that was made then. */
  readonly madeAt?: string;
}

/** A GNUPGHOME of its own; leaving the scope ends its agent and removes it. */
export interface GpgKeys extends AsyncDisposable {
  readonly path: string;
  gpg(args: readonly string[], input?: Uint8Array): Promise<Buffer>;
  /** Makes a key and gives its fingerprint. */
  makeKey(userId: string, options?: KeyOptions): Promise<string>;
  /** Writes the public key to a file, armored, and gives the file's path. */
  exportKey(fingerprint: string): Promise<string>;
}

export async function createGpgKeys(): Promise<GpgKeys> {
  // Not below a test's own directory: the path of the agent's socket is limited to about a hundred bytes.
  const dir = await createTempDir('gpg-');
  const home = ['--homedir', dir.path, '--batch', '--no-tty', '--pinentry-mode', 'loopback'];
  const gpg = async (args: readonly string[], input?: Uint8Array): Promise<Buffer> => {
    const { stdout } = await execa('gpg', [...home, ...args], {
      encoding: 'buffer',
      // One signature in 256 ends with the byte of a newline.
      stripFinalNewline: false,
      timeout: GPG_LIMIT_MS,
      ...(input === undefined ? { stdin: 'ignore' } : { input }),
    });
    return Buffer.from(stdout);
  };
  return {
    path: dir.path,
    gpg,
    makeKey: async (userId, options = {}) => {
      const { algorithm = 'ed25519', expires = 'never', passphrase = '', madeAt, certDigest } = options;
      const time = madeAt === undefined ? [] : ['--faked-system-time', madeAt];
      const digest = certDigest === undefined ? [] : ['--cert-digest-algo', certDigest];
      const secret = ['--passphrase', passphrase];
      const generate = ['--quick-generate-key', userId, algorithm, 'sign', expires];
      const status = String(await gpg([...time, ...digest, ...secret, '--status-fd', '1', ...generate]));
      const fingerprint = /KEY_CREATED \S+ (?<fingerprint>[0-9A-F]{40})/.exec(status)?.groups;
      if (fingerprint?.['fingerprint'] === undefined) throw new Error(`gpg made no key: ${status}`);
      return fingerprint['fingerprint'];
    },
    exportKey: async (fingerprint) => {
      const path = join(dir.path, `${fingerprint}.asc`);
      await writeFile(path, await gpg(['--armor', '--export', fingerprint]));
      return path;
    },
    async [Symbol.asyncDispose]() {
      await stopAgent(dir.path);
      await dir.remove();
    },
  };
}

/** Ends the agent that gpg started for a GNUPGHOME, if there is one. */
export async function stopAgent(gnupgHome: string): Promise<void> {
  await execa('gpgconf', ['--homedir', gnupgHome, '--kill', 'all'], { reject: false });
}
