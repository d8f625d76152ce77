import { chmod, chown, lstat, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { stopAgent } from '../support/gpg-keys.ts';
import { lacks } from '../support/lacks.ts';
import { BIN, runRpmyard } from '../support/run-rpmyard.ts';
import { createTempDir } from '../support/temp-dir.ts';
import { createTestSigner } from '../support/test-signer.ts';

/** Of nobody and nogroup on every distribution. */
const NOBODY = 65_534;

describe('rpmyard key init', () => {
  it('makes a key that signs, prints the lines for the configuration, and another one only when asked to', async () => {
    await using dir = await createTempDir();
    const gnupgHome = join(dir.path, 'state/gnupg');
    const config = join(dir.path, 'config.yml');
    await writeFile(
      config,
      `server: { public_url: 'http://repo.example.com' }\nrepo: { top_dir: storage, state_dir: state }\n`,
    );
    // What a service that was started too early leaves.
    const early = createTestSigner(gnupgHome, ['A'.repeat(40)]);
    await mkdir(gnupgHome, { recursive: true, mode: 0o700 });
    expect(await early.findFault()).toMatchObject({ code: 'SIGNING_FAILED' });
    try {
      const first = await runRpmyard('key', 'init', '-c', config);
      expect(first).toMatchObject({ exitCode: 0, stderr: '' });
      const key = /^[0-9A-F]{40}$/m.exec(first.stdout)?.[0] ?? '';
      expect(load(first.stdout.slice(first.stdout.indexOf('signing:')))).toEqual({
        signing: { keys: [key] },
      });
      expect((await stat(gnupgHome)).mode & 0o777).toBe(0o700);
      expect(await createTestSigner(gnupgHome, [key]).findFault()).toBeUndefined();

      const signing = join(dir.path, 'signing.yml');
      await mkdir(join(dir.path, 'storage'));
      await writeFile(
        signing,
        `server: { address: /run/rpmyard.sock, public_url: 'http://repo.example.com' }\nrepo: { top_dir: storage, state_dir: state }\nsigning: { keys: ['${key}'] }\n`,
      );
      expect(await runRpmyard('check-config', signing)).toMatchObject({ exitCode: 0, stderr: '' });

      const again = await runRpmyard('key', 'init', '-c', config);
      expect(again).toMatchObject({ exitCode: 2, stdout: '' });
      expect(again.stderr).toContain(key);
      const another = await runRpmyard('key', 'init', '--another', '-c', config);
      expect(another.exitCode).toBe(0);
      expect(another.stdout).not.toContain(key);
    } finally {
      await stopAgent(gnupgHome);
    }
  });

  it.skipIf(lacks('root'))(
    'run by root, wherever root is, makes a key of the user of the service (needs root)',
    async () => {
      await using dir = await createTempDir();
      await chmod(dir.path, 0o755);
      const gnupgHome = join(dir.path, 'site/state/gnupg');
      const config = join(dir.path, 'config.yml');
      const ofRootAlone = join(dir.path, 'root');
      await mkdir(ofRootAlone, { mode: 0o700 });
      await mkdir(join(dir.path, 'site'));
      await chown(join(dir.path, 'site'), NOBODY, NOBODY);
      await writeFile(config, 'repo: { top_dir: site/storage, state_dir: site/state }\n');
      try {
        const options = { cwd: ofRootAlone, reject: false } as const;
        const result = await execa(process.execPath, [BIN, 'key', 'init', '-c', '../config.yml'], options);
        expect(result).toMatchObject({ exitCode: 0, stderr: '' });
        for (const name of await readdir(join(dir.path, 'site'), { recursive: true })) {
          expect({ name, uid: (await lstat(join(dir.path, 'site', name))).uid }).toEqual({
            name,
            uid: NOBODY,
          });
        }
      } finally {
        await stopAgent(gnupgHome);
      }
    },
  );

  it.each([[[]], [['new']], [['init', 'more']]])('refuses other words: %j', async (words) => {
    expect(await runRpmyard('key', ...words)).toMatchObject({ exitCode: 2, stdout: '' });
  });
});
