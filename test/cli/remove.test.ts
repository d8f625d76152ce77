import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { readerOnDisk, readIndex } from '../support/read-index.ts';
import { runRpmyard } from '../support/run-rpmyard.ts';
import { type RunningService, startService } from '../support/run-service.ts';
import { putPackage } from '../support/send-request.ts';
import { createTempDir } from '../support/temp-dir.ts';

const REPOSITORIES = ['9/aarch64', '9/x86_64'];
const FILE = 'alpha-1.0-1.el9.noarch.rpm';

async function startTree(root: string): Promise<RunningService> {
  // Nothing but the command brings an index up to date.
  const config = { index_updater: { quiet_seconds: 3600, max_wait_seconds: 86_400 } };
  const service = await startService({ root, config });
  for (const name of ['alpha', 'alphabet']) {
    const { status } = await putPackage(
      service.baseUrl,
      craftRpm({ name, arch: 'noarch' }),
      'wait=50&releasever=9',
    );
    expect(status).toBe(201);
  }
  return service;
}

const indexed = async ({ storageDir }: RunningService, repository: string) =>
  [...(await readIndex(readerOnDisk(storageDir, repository))).packages.keys()].toSorted();

const pathIn = ({ storageDir }: RunningService, repository: string) =>
  join(storageDir, repository, 'Packages', FILE);

describe('with the service running', () => {
  test('rpmyard remove takes a noarch package out of every repository, and says what its name means then', async () => {
    await using dir = await createTempDir();
    await using service = await startTree(dir.path);
    const remove = (...args: readonly string[]) => runRpmyard('remove', '-c', service.configPath, ...args);

    const preview = await remove('--dry-run', 'alpha-1.0-1.el9.noarch');
    expect(preview).toMatchObject({ exitCode: 0, stderr: '' });
    for (const repository of REPOSITORIES) {
      expect(preview.stdout).toContain(`would be removed: ${repository}/Packages/${FILE}\n`);
      expect(existsSync(pathIn(service, repository))).toBe(true);
    }

    const removed = await remove('alpha-1.0-1.el9.noarch');
    expect(removed).toMatchObject({ exitCode: 0, stderr: '' });
    expect(removed.stdout).toContain('The name is free again');
    for (const line of removed.stdout.split('\n').slice(1)) expect(line.length).toBeLessThanOrEqual(80);
    for (const repository of REPOSITORIES) {
      expect(removed.stdout).toContain(`removed: ${repository}/Packages/${FILE}\n`);
      expect(existsSync(pathIn(service, repository))).toBe(false);
      expect(await indexed(service, repository)).toEqual(['Packages/alphabet-1.0-1.el9.noarch.rpm']);
    }
    expect(await remove('alpha-1.0-1.el9.noarch')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('NOT_FOUND'),
    });
    const others = craftRpm({ name: 'alpha', arch: 'noarch', summary: 'other bytes under the same name' });
    expect((await putPackage(service.baseUrl, others, 'wait=50&releasever=9')).status).toBe(201);
  });
});

describe('without the service', () => {
  test('rpmyard remove finishes what an earlier call began, from the repositories that are named alone', async () => {
    await using dir = await createTempDir();
    const service = await startTree(dir.path);
    await service.stop();
    const remove = (...args: readonly string[]) => runRpmyard('remove', '-c', service.configPath, ...args);

    for (const wrong of ['alpha', 'alpha-1:1.0-1.el9.noarch', 'alpha-*', 'alpha-1.0-2.el9.noarch']) {
      expect(await remove(wrong)).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining('NOT_FOUND'),
      });
    }
    expect(await remove('--in', '8/*', FILE)).toMatchObject({ exitCode: 1 });

    // As a call that was killed between the file and the index leaves it.
    await rm(pathIn(service, '9/aarch64'));
    const first = await remove('--in', '9/aarch64', `dist/${FILE}`);
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await indexed(service, '9/aarch64')).toHaveLength(1);
    expect(await indexed(service, '9/x86_64')).toHaveLength(2);

    const second = await remove('alpha-0:1.0-1.el9.noarch');
    expect(second).toMatchObject({ exitCode: 0, stderr: '' });
    expect(second.stdout).not.toContain('aarch64');
    expect(await indexed(service, '9/x86_64')).toHaveLength(1);
    expect(await runRpmyard('verify', '-c', service.configPath)).toMatchObject({ exitCode: 0 });
  });
});

test.each([[[]], [['a', 'b']], [['a', '--in', '!']]])('%j is wrong usage', async (args) => {
  expect(await runRpmyard('remove', ...args)).toMatchObject({ exitCode: 2, stdout: '' });
});
