import { execa } from 'execa';
import { makeKey } from '../../src/signing/make-key.ts';
import { createTempDir } from './temp-dir.ts';

/** A GNUPGHOME of its own, whose agent ends with the scope. */
export interface TestGpgHome extends AsyncDisposable {
  readonly path: string;
  /** Makes a key without a passphrase and gives its fingerprint. */
  makeKey(userId: string): Promise<string>;
  /** gpg on this home. */
  gpg(...args: readonly string[]): Promise<string>;
}

export async function createGpgHome(): Promise<TestGpgHome> {
  const dir = await createTempDir();
  const home = { gnupgHome: dir.path, passphraseFile: undefined };
  return {
    path: dir.path,
    makeKey: (userId) => makeKey(home, userId),
    gpg: async (...args) =>
      (await execa('gpg', ['--homedir', dir.path, '--batch', '--no-tty', ...args])).stdout,
    async [Symbol.asyncDispose]() {
      await stopAgent(dir.path);
      await dir.remove();
    },
  };
}

/** Ends the agent that gpg started for a GNUPGHOME, if there is one. */
export async function stopAgent(gnupgHome: string): Promise<void> {
  await execa('gpgconf', ['--homedir', gnupgHome, '--kill', 'gpg-agent']);
}
