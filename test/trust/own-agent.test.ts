import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { noteOwnAgent } from '../../src/trust/own-agent.ts';
import { createGpgKeys, stopAgent } from '../support/gpg-keys.ts';
import { createTempDir } from '../support/temp-dir.ts';
import { createTestSigner } from '../support/test-signer.ts';

async function isAgentRunning(home: string): Promise<boolean> {
  const args = ['--homedir', home, '--no-autostart', 'GETINFO pid', '/bye'];
  const { stdout } = await execa('gpg-connect-agent', args, { reject: false });
  return stdout.startsWith('D ');
}

it('an agent that was started by signing ends, with what started it', async () => {
  await using home = await createGpgKeys();
  const key = await home.makeKey('signs');
  await stopAgent(home.path);
  const endAgent = await noteOwnAgent({ gnupgHome: home.path, passphraseFile: undefined });
  await createTestSigner(home.path, [key]).sign('content');
  expect(await isAgentRunning(home.path)).toBe(true);
  await endAgent();
  expect(await isAgentRunning(home.path)).toBe(false);
});

it('an agent that an administrator started before stays', async () => {
  await using home = await createGpgKeys();
  const key = await home.makeKey('signs');
  expect(await isAgentRunning(home.path)).toBe(true);
  const endAgent = await noteOwnAgent({ gnupgHome: home.path, passphraseFile: undefined });
  await createTestSigner(home.path, [key]).sign('content');
  await endAgent();
  expect(await isAgentRunning(home.path)).toBe(true);
});

it('a home without keys, or none at all, has no agent to end', async () => {
  await using dir = await createTempDir();
  const empty = join(dir.path, 'empty');
  await mkdir(empty, { mode: 0o700 });
  for (const gnupgHome of [empty, join(dir.path, 'none')]) {
    const endAgent = await noteOwnAgent({ gnupgHome, passphraseFile: undefined });
    await expect(endAgent()).resolves.toBeUndefined();
  }
});
