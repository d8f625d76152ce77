import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Signer } from '../../src/trust/signer.ts';

/** A signer with a keyring of its own, which goes when the GNUPGHOME does. */
export function createTestSigner(
  gnupgHome: string,
  keys: readonly string[],
  passphraseFile?: string,
): Signer {
  return new Signer({ gnupgHome, passphraseFile, keys, keyringDir: join(gnupgHome, randomUUID()) });
}
