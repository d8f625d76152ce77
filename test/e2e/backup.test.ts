import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { dnfInstall } from '../support/run-dnf.ts';
import { runRpmyard } from '../support/run-rpmyard.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { putPackage, sendRequest, sha256Of } from '../support/send-request.ts';

const FIRST = craftRpm({ name: 'first', files: [{ path: '/usr/share/first', content: 'first' }] });
const NOARCH = craftRpm({ name: 'everywhere', arch: 'noarch' });

/** A site with two packages that are in the index, stopped. */
async function startFilledSite(): Promise<Site> {
  const site = await startSite({ front: 'none' });
  for (const bytes of [FIRST, NOARCH]) {
    expect(await putPackage(site.baseUrl, bytes, 'wait=30')).toMatchObject({ status: 201 });
  }
  return site;
}

/** As docs/operations.md says: the service is stopped, hosts go on reading. */
async function backUp(site: Site): Promise<string> {
  const archive = join(site.workDir, 'backup.tar');
  await site.service.stop();
  await execa('tar', ['-C', site.root, '--exclude=./spool/*', '-cf', archive, '.']);
  return archive;
}

async function expectAllThere(site: Site): Promise<void> {
  const verified = await runRpmyard('verify', '--read-data', '-c', site.service.configPath);
  expect(verified).toMatchObject({ exitCode: 0 });
  for (const bytes of [FIRST, NOARCH]) {
    const known = await sendRequest(site.baseUrl, { path: `/api/v1/uploads/${sha256Of(bytes)}` });
    expect(known.status).toBe(200);
    expect(await putPackage(site.baseUrl, bytes)).toMatchObject({ status: 200 });
  }
  const host = { root: join(site.workDir, 'host'), repositoryUrl: `${site.baseUrl}/repo/9/x86_64/` };
  expect(await dnfInstall(host, 'first')).toMatchObject({ exitCode: 0 });
  expect(await readFile(join(host.root, 'usr/share/first'), 'utf8')).toBe('first');
}

describe('a backup', () => {
  it('gives back packages, index and records on the same machine', async () => {
    await using site = await startFilledSite();
    const archive = await backUp(site);
    await rm(site.root, { recursive: true });
    await mkdir(site.root);
    await execa('tar', ['-C', site.root, '-xf', archive]);
    await site.restart();
    await expectAllThere(site);
  });

  it('moves to another machine, where hosts find it under another name', async () => {
    await using old = await startFilledSite();
    const archive = await backUp(old);
    await using site = await startSite({ front: 'none' });
    await site.service.stop();
    await rm(site.root, { recursive: true });
    await mkdir(site.root);
    await execa('tar', ['-C', site.root, '-xf', archive]);
    await site.restart();
    await expectAllThere(site);
    expect(await readFile(join(site.storageDir, '9/x86_64.repo'), 'utf8')).toContain(site.baseUrl);
  });

  it('of the packages alone is enough to serve them: what the records knew is found out again', async () => {
    await using site = await startFilledSite();
    await site.service.stop();
    await rm(site.stateDir, { recursive: true });
    for (const repository of ['9/x86_64', '9/aarch64']) {
      await rm(join(site.storageDir, repository, 'repodata'), { recursive: true });
    }
    await site.restart();
    const reindexed = await runRpmyard('reindex', '-c', site.service.configPath);
    expect(reindexed).toMatchObject({ exitCode: 0 });
    for (const bytes of [FIRST, NOARCH]) {
      expect(await putPackage(site.baseUrl, bytes, 'wait=30')).toMatchObject({ status: 200 });
    }
    await expectAllThere(site);
  });
});
