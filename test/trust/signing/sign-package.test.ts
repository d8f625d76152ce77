import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { signPackage, type SigningKey } from '../../../src/trust/signing/sign-package.ts';
import { craftRpm } from '../../support/craft-rpm.ts';
import { withFakeTool } from '../../support/fake-tool.ts';
import { createGpgKeys, stopAgent } from '../../support/gpg-keys.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const EXAMPLE = { name: 'example', epoch: undefined, version: '1', release: '1', arch: 'noarch' };

/** Signs a package in a directory of its own, and says what is left there when it cannot. */
async function signIn(directory: string, key: SigningKey): Promise<string> {
  const path = join(directory, 'sent.rpm');
  const incomingDir = join(directory, 'incoming');
  await writeFile(path, craftRpm());
  await mkdir(incomingDir, { recursive: true });
  try {
    const signed = await signPackage({ path, nevra: EXAMPLE, rpm: { formatMajor: 4 } }, key, {
      incomingDir,
      signal: undefined,
    });
    await signed.discard();
    return 'signed';
  } finally {
    expect(await readdir(incomingDir)).toEqual([]);
  }
}

describe('a passphrase file', () => {
  it('that others may read, that is a link or is not there is not used, and says why', async () => {
    await using dir = await createTempDir();
    await using home = await createGpgKeys();
    const id = await home.makeKey('protected', { algorithm: 'rsa2048', passphrase: 'sesame' });
    const passphraseFile = join(dir.path, 'passphrase');
    await writeFile(passphraseFile, 'sesame', { mode: 0o600 });
    const signWith = (path: string) => signIn(dir.path, { id, gnupgHome: home.path, passphraseFile: path });
    const failure = (message: RegExp) => ({ code: 'PACKAGE_SIGNING_FAILED', message });

    // What the agent remembers would sign without any passphrase.
    await stopAgent(home.path);
    expect(await signWith(passphraseFile)).toBe('signed');
    const linked = join(dir.path, 'linked');
    await symlink(passphraseFile, linked);
    await expect(signWith(linked)).rejects.toMatchObject(failure(/ELOOP/));
    await expect(signWith(join(dir.path, 'nothing'))).rejects.toMatchObject(failure(/ENOENT/));
    await chmod(passphraseFile, 0o604);
    await expect(signWith(passphraseFile)).rejects.toMatchObject(failure(/mode 0604/));
  });
});

describe('the gpg of rpmsign', () => {
  it('goes by our options, not by the gpg.conf in the GNUPGHOME', async () => {
    await using dir = await createTempDir();
    await using home = await createGpgKeys();
    const id = await home.makeKey('only', { algorithm: 'rsa2048' });
    // A second signer, whose key is nowhere.
    await writeFile(join(home.path, 'gpg.conf'), `local-user ${'A'.repeat(40)}\n`);
    expect(await signIn(dir.path, { id, gnupgHome: home.path, passphraseFile: undefined })).toBe('signed');
  });

  it('starts no agent for a GNUPGHOME without secret keys, and does for one with a key', async () => {
    await using dir = await createTempDir();
    await using owner = await createGpgKeys();
    await using ours = await createTempDir('gpg-');
    const id = await owner.makeKey('of another user', { algorithm: 'rsa2048' });
    const armored = await owner.gpg(['--armor', '--export', id]);
    await execa('gpg', ['--homedir', ours.path, '--no-autostart', '--batch', '--import'], { input: armored });
    const seen = join(dir.path, 'seen');
    await withFakeTool('rpmsign', `echo "$@" > ${seen}; exit 1`, async () => {
      for (const [gnupgHome, starts] of [
        [ours.path, false],
        [owner.path, true],
      ] as const) {
        const signing = signIn(dir.path, { id, gnupgHome, passphraseFile: undefined });
        await expect(signing).rejects.toMatchObject({ code: 'PACKAGE_SIGNING_FAILED' });
        expect((await readFile(seen, 'utf8')).includes('--no-autostart')).toBe(!starts);
      }
    });
    const signing = signIn(dir.path, { id, gnupgHome: ours.path, passphraseFile: undefined });
    await expect(signing).rejects.toMatchObject({ code: 'PACKAGE_SIGNING_FAILED' });
    const { stdout: socket } = await execa('gpgconf', [
      '--homedir',
      ours.path,
      '--list-dirs',
      'agent-socket',
    ]);
    await expect(readFile(socket)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
