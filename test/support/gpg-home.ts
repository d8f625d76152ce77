import { execa } from 'execa';
import { listSecretKeys } from '../../src/signing/make-key.ts';
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
  const gpg = async (...args: readonly string[]): Promise<string> =>
    (await execa('gpg', ['--homedir', dir.path, '--batch', '--no-tty', ...args])).stdout;
  return {
    path: dir.path,
    // Half the length of a real one takes a tenth of the time.
    makeKey: async (userId) => {
      await gpg('--passphrase', '', '--quick-generate-key', userId, 'rsa2048', 'sign', 'never');
      return (await listSecretKeys(home)).at(-1) ?? '';
    },
    gpg,
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
