import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { Signer } from '../../src/trust/signer.ts';
import { exportPresentKeys } from '../../src/trust/signing/export-keys.ts';
import { makeKey } from '../../src/trust/make-key.ts';
import { runGpg } from '../../src/trust/signing/run-gpg.ts';
import { withFakeTool } from '../support/fake-tool.ts';
import { createGpgKeys, stopAgent } from '../support/gpg-keys.ts';
import { lacks } from '../support/lacks.ts';
import { createTempDir } from '../support/temp-dir.ts';
import { createTestSigner } from '../support/test-signer.ts';

const CONTENT = '<repomd/>\n';
const PASSPHRASE = 'sesame open';
/** A uid that is not this process's and has no home. */
const ANOTHER_UID = 54_321;

describe('a signature', () => {
  it('is by the first key, good for gpg, and of this content only', async () => {
    await using home = await createGpgKeys();
    const [first, second] = [await home.makeKey('first'), await home.makeKey('second')];
    const signer = createTestSigner(home.path, [first, second]);
    const signature = await signer.sign(CONTENT);
    expect(signature).toMatch(/^-----BEGIN PGP SIGNATURE-----\n/);

    // Another signer remembers nothing.
    const judge = createTestSigner(home.path, [second, first]);
    expect(await judge.findKey(CONTENT, signature)).toBe(first);
    expect(await judge.isSignedNow(CONTENT, signature)).toBe(false);
    expect(await signer.isSignedNow(CONTENT, signature)).toBe(true);
    expect(await judge.findKey(`${CONTENT} `, signature)).toBeUndefined();
    expect(await judge.findKey(CONTENT, 'no signature')).toBeUndefined();
    const stranger = createTestSigner(home.path, [second]);
    expect(await stranger.findKey(CONTENT, signature)).toBeUndefined();
  });

  it('of a key that has expired since is none', async () => {
    await using home = await createGpgKeys();
    const key = await home.makeKey('old', { madeAt: '20240101T000000', expires: '1d' });
    const time = ['--faked-system-time', '20240101T010000'];
    const signed = await home.gpg([...time, '--armor', '--detach-sign'], Buffer.from(CONTENT));
    const signature = signed.toString();
    expect(signature).toContain('BEGIN PGP SIGNATURE');
    const signer = createTestSigner(home.path, [key]);
    expect(await signer.findKey(CONTENT, signature)).toBeUndefined();
    expect(await signer.findFault()).toMatchObject({ code: 'SIGNING_FAILED' });
  });

  it('of a key that is revoked is none', async () => {
    await using home = await createGpgKeys();
    const key = await home.makeKey('gone');
    const signature = await createTestSigner(home.path, [key]).sign(CONTENT);
    expect(await createTestSigner(home.path, [key]).findKey(CONTENT, signature)).toBe(key);
    const certificate = await readFile(join(home.path, 'openpgp-revocs.d', `${key}.rev`), 'utf8');
    await home.gpg(['--import'], Buffer.from(certificate.replaceAll(':-----', '-----')));
    expect(await createTestSigner(home.path, [key]).findKey(CONTENT, signature)).toBeUndefined();
  });

  it('by a subkey is found by the fingerprint of the primary key, and by its own', async () => {
    await using home = await createGpgKeys();
    const primary = await home.makeKey('with a subkey', { algorithm: 'rsa2048' });
    await home.gpg(['--passphrase', '', '--quick-add-key', primary, 'rsa2048', 'sign', 'never']);
    const listed = String(await home.gpg(['--with-colons', '--with-subkey-fingerprint', '--list-keys']));
    const subkey = [...listed.matchAll(/^fpr:+([0-9A-F]+):/gm)].map(([, found]) => found).at(-1) ?? '';
    expect(subkey).not.toBe(primary);
    const signed = await home.gpg(
      ['--local-user', `${subkey}!`, '--armor', '--detach-sign'],
      Buffer.from(CONTENT),
    );
    for (const named of [primary, subkey, primary.slice(-16), subkey.slice(-16)]) {
      expect(await createTestSigner(home.path, [named]).findKey(CONTENT, String(signed))).toBe(named);
    }
  });

  it('is found although another key is missing, and none is while all are', async () => {
    await using home = await createGpgKeys();
    await using empty = await createTempDir('gpg-');
    const key = await home.makeKey('there');
    const missing = 'A'.repeat(40);
    const signature = await createTestSigner(home.path, [key]).sign(CONTENT);
    expect(await createTestSigner(home.path, [missing, key]).findKey(CONTENT, signature)).toBe(key);
    const early = createTestSigner(empty.path, [key]);
    expect(await early.findKey(CONTENT, signature)).toBeUndefined();
    const armored = await home.gpg(['--armor', '--export', key]);
    await runGpg(
      { gnupgHome: empty.path, passphraseFile: undefined },
      { args: ['--import'], input: String(armored) },
    );
    expect(await early.findKey(CONTENT, signature)).toBe(key);
  });

  it('is none when it is a whole signed message, or two signatures', async () => {
    await using home = await createGpgKeys();
    const [first, second] = [await home.makeKey('first'), await home.makeKey('second')];
    const signer = createTestSigner(home.path, [first, second]);
    for (const how of [
      ['--sign'],
      ['--clearsign'],
      ['--local-user', first, '--local-user', second, '--detach-sign'],
    ]) {
      const message = await home.gpg(['--armor', ...how], Buffer.from(CONTENT));
      expect(await signer.findKey(CONTENT, String(message)), how.join(' ')).toBeUndefined();
    }
    expect(await signer.findKey(CONTENT, '')).toBeUndefined();
  });

  it.each([
    ['no key', '[GNUPG:] GOODSIG\\n[GNUPG:] VALIDSIG\\n'],
    ['an empty key', '[GNUPG:] GOODSIG  \\n[GNUPG:] VALIDSIG  2024-01-01 1 0 4 0 1 8 00 \\n'],
    ['an empty fingerprint', '[GNUPG:] GOODSIG 0123456789ABCDEF x\\n[GNUPG:] VALIDSIG  1 1 0 4 0 1 8 00 \\n'],
  ])('is none when gpgv calls it good and names %s', async (_, status) => {
    await using home = await createGpgKeys();
    const key = await home.makeKey('only');
    const signer = createTestSigner(home.path, [key]);
    await withFakeTool('gpgv', `cat >/dev/null; printf '${status}'`, async () => {
      expect(await signer.findKey(CONTENT, 'whatever it is')).toBeUndefined();
      expect(await signer.isSignedNow(CONTENT, 'whatever it is')).toBe(false);
    });
  });

  it('with SHA-1 by our own key does not count, and is never made, whatever gpg.conf prefers', async () => {
    await using home = await createGpgKeys();
    const key = await home.makeKey('only', { algorithm: 'rsa2048' });
    const weak = await home.gpg(['--digest-algo', 'SHA1', '--armor', '--detach-sign'], Buffer.from(CONTENT));
    const signer = createTestSigner(home.path, [key]);
    expect(await signer.isSignedNow(CONTENT, String(weak))).toBe(false);
    await writeFile(join(home.path, 'gpg.conf'), 'personal-digest-preferences SHA1\ndigest-algo SHA1\n');
    const signature = await signer.sign(CONTENT);
    const packets = await home.gpg(['--list-packets'], Buffer.from(signature));
    expect(String(packets)).toContain('digest algo 8');
    expect(await signer.isSignedNow(CONTENT, signature)).toBe(true);
  });

  it.each(['rsa1024', 'dsa1024'])(
    'by a key of %s, which hosts refuse, is made all the same',
    async (algorithm) => {
      await using home = await createGpgKeys();
      const key = await home.makeKey('weak', { algorithm });
      const signer = createTestSigner(home.path, [key]);
      expect(await signer.findFault()).toBeUndefined();
      expect(await signer.isSignedNow(CONTENT, await signer.sign(CONTENT))).toBe(true);
      expect(await signer.findWeakKeys()).toMatchObject([{ fingerprint: key }]);
    },
  );

  it('is by no key when none is named: not by all that gpg has', async () => {
    await using home = await createGpgKeys();
    await home.makeKey('only');
    expect(() => createTestSigner(home.path, [])).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
    const options = { gnupgHome: home.path, passphraseFile: undefined };
    expect(await exportPresentKeys(options, [])).toBeUndefined();
  });

  it('is verified again when the keyring was lost, or gpgv was missing for a while', async () => {
    await using home = await createGpgKeys();
    const key = await home.makeKey('only');
    const signature = await createTestSigner(home.path, [key]).sign(CONTENT);
    const keyringDir = join(home.path, 'keyring');
    const judge = new Signer({ gnupgHome: home.path, passphraseFile: undefined, keys: [key], keyringDir });
    expect(await judge.findKey(`${CONTENT} `, signature)).toBeUndefined();
    await rm(keyringDir, { recursive: true });
    await expect(judge.findKey(CONTENT, signature)).rejects.toMatchObject({ code: 'SIGNING_FAILED' });
    await withFakeTool('gpgv', 'exit 3', async () => {
      await expect(judge.findKey(CONTENT, signature)).rejects.toMatchObject({ code: 'SIGNING_FAILED' });
    });
    expect(await judge.findKey(CONTENT, signature)).toBe(key);
  });

  it('is not made when the key, gpg or its answer is missing, and says why', async () => {
    await using home = await createGpgKeys();
    const key = await home.makeKey('only');
    const options = { gnupgHome: home.path, passphraseFile: undefined };
    await expect(createTestSigner(home.path, ['A'.repeat(40)]).sign(CONTENT)).rejects.toMatchObject({
      code: 'SIGNING_FAILED',
      message: expect.stringContaining('No secret key'),
    });
    await withFakeTool('gpg', 'exec sleep 600', async () => {
      const signing = createTestSigner(home.path, [key]).sign(CONTENT, AbortSignal.timeout(100));
      await expect(signing).rejects.toMatchObject({ code: 'SIGNING_FAILED', message: /stopping/ });
      const listing = runGpg(options, { args: ['--list-keys'], timeoutMs: 100 });
      await expect(listing).rejects.toMatchObject({ code: 'SIGNING_TOOL_FAILED', message: /0\.1 s/ });
    });
    // The keyring is made before, so that it is the signature that is wrong.
    const signer = createTestSigner(home.path, [key]);
    await signer.sign(CONTENT);
    expect(signer.lastFault()).toBeUndefined();
    const garbage = `cat >/dev/null; printf -- '-----BEGIN PGP SIGNATURE-----\n\nnone\n'`;
    await withFakeTool(
      'gpg',
      `case "$*" in *detach*) ${garbage};; *) exec /usr/bin/gpg "$@";; esac`,
      async () => {
        await expect(signer.sign(`${CONTENT}more`)).rejects.toMatchObject({
          code: 'SIGNING_FAILED',
          message: expect.stringContaining('gpgv does not find good'),
        });
      },
    );
    expect(signer.lastFault()).toMatchObject({ code: 'SIGNING_FAILED' });
    await withFakeTool('gpg', 'exit 0', async () => {
      const signing = createTestSigner(home.path, [key]).sign(CONTENT);
      await expect(signing).rejects.toMatchObject({ code: 'SIGNING_FAILED' });
    });
    const path = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    try {
      const fault = await createTestSigner(home.path, [key]).findFault();
      expect(fault).toMatchObject({ code: 'SIGNING_FAILED', message: 'gpg is not installed' });
      const listing = createTestSigner(home.path, [key]).findWeakKeys();
      await expect(listing).rejects.toMatchObject({ code: 'SIGNING_FAILED' });
    } finally {
      process.env['PATH'] = path;
    }
  });
});

describe('a passphrase', () => {
  it('is needed by the key that was made with it, must be for our eyes only, and is in no argument', async () => {
    await using dir = await createTempDir();
    const gnupgHome = join(dir.path, 'home');
    const passphraseFile = join(dir.path, 'passphrase');
    await writeFile(passphraseFile, `${PASSPHRASE}\n`, { mode: 0o600 });
    try {
      const key = await makeKey({ gnupgHome, passphraseFile }, 'protected');
      const signer = createTestSigner(gnupgHome, [key], passphraseFile);
      // What the agent remembers would hide a wrong passphrase.
      await stopAgent(gnupgHome);
      expect(await signer.findFault()).toBeUndefined();

      await stopAgent(gnupgHome);
      await writeFile(passphraseFile, 'another\n');
      const fault = await signer.findFault();
      expect(fault).toMatchObject({ code: 'SIGNING_FAILED', message: /Bad passphrase/ });

      await chmod(passphraseFile, 0o640);
      await expect(signer.sign(CONTENT)).rejects.toMatchObject({
        code: 'SIGNING_FAILED',
        message: expect.stringContaining('mode 0640'),
      });
      await chmod(passphraseFile, 0o600);
      await writeFile(passphraseFile, PASSPHRASE);
      await withFakeTool(
        'gpg',
        `env > ${dir.path}/seen; echo "$@" >> ${dir.path}/seen; cat <&3 > ${dir.path}/fd3; exit 2`,
        async () => {
          const error = await signer.sign(CONTENT).catch((thrown: unknown) => thrown);
          expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain(PASSPHRASE);
        },
      );
      expect(await readFile(join(dir.path, 'fd3'), 'utf8')).toBe(PASSPHRASE);
      expect(await readFile(join(dir.path, 'seen'), 'utf8')).not.toContain(PASSPHRASE);
    } finally {
      await stopAgent(gnupgHome);
    }
  });
});

describe('the public keys', () => {
  it('are all there, each in an armor of its own, which rpm imports', async () => {
    await using home = await createGpgKeys();
    const keys = [await home.makeKey('first'), await home.makeKey('second')];
    const armored = await createTestSigner(home.path, keys).exportKeys();
    expect(armored.match(/^-----BEGIN PGP PUBLIC KEY BLOCK-----$/gm)).toHaveLength(2);
    const file = join(home.path, 'keys.asc');
    await writeFile(file, armored);
    const dbpath = join(home.path, 'rpmdb');
    await mkdir(dbpath);
    await execa('rpmkeys', ['--dbpath', dbpath, '--import', file]);
    const { stdout } = await execa('rpm', ['--dbpath', dbpath, '-q', 'gpg-pubkey', '--qf', '%{version}\n']);
    const expected = keys.map((key) => key.slice(-8).toLowerCase());
    expect(stdout.split('\n').toSorted()).toEqual(expected.toSorted());
  });
});

describe('an agent of another user', () => {
  it.skipIf(lacks('root'))(
    'with the keys signs, through its socket in a GNUPGHOME of public keys (needs root)',
    async () => {
      await using owner = await createGpgKeys();
      await using ours = await createTempDir();
      const key = await owner.makeKey('of another user');
      await stopAgent(owner.path);
      await execa('chown', ['-R', `${ANOTHER_UID}:${ANOTHER_UID}`, owner.path]);
      const asOwner = { uid: ANOTHER_UID, gid: ANOTHER_UID } as const;
      await execa('gpg-agent', ['--homedir', owner.path, '--daemon'], { ...asOwner, stdio: 'ignore' });
      try {
        const { stdout: armored } = await execa(
          'gpg',
          ['--homedir', owner.path, '--armor', '--export', key],
          asOwner,
        );
        const home = { gnupgHome: ours.path, passphraseFile: undefined };
        const imported = await runGpg(home, { args: ['--no-autostart', '--import'], input: armored });
        expect(imported.exitCode).toBe(0);
        const signer = createTestSigner(ours.path, [key]);
        // Without the socket there is no key, and no agent of our own is started that would stand in its way.
        expect(await signer.findFault()).toMatchObject({ code: 'SIGNING_FAILED' });

        const { stdout: socket } = await execa('gpgconf', [
          '--homedir',
          ours.path,
          '--list-dirs',
          'agent-socket',
        ]);
        await execa('gpgconf', ['--homedir', ours.path, '--create-socketdir'], { reject: false });
        await writeFile(socket, `%Assuan%\nsocket=${join(owner.path, 'S.gpg-agent')}\n`);
        expect(await signer.findFault()).toBeUndefined();
        expect(await signer.isSignedNow(CONTENT, await signer.sign(CONTENT))).toBe(true);
      } finally {
        await execa('gpgconf', ['--homedir', owner.path, '--kill', 'gpg-agent'], asOwner);
      }
    },
  );
});
