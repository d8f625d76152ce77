import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { commit, documentOf } from '../support/batch-client.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { findFreePort } from '../support/free-port.ts';
import { dnfInstall } from '../support/run-dnf.ts';
import { type RunningNginx, startNginx } from '../support/run-nginx.ts';
import { runRpmyard } from '../support/run-rpmyard.ts';
import { type RunningService, startService } from '../support/run-service.ts';
import { putPackage, sendRequest } from '../support/send-request.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { UpgradeFacts } from './upgrade-facts.ts';

const FIXTURE = new URL('fixture/', import.meta.url);
const FACTS: UpgradeFacts = JSON.parse(await readFile(new URL('facts.json', FIXTURE), 'utf8'));
const OLD_CONFIG = await readFile(new URL('config.yml', FIXTURE), 'utf8');

interface UpgradedSite extends AsyncDisposable {
  readonly root: string;
  readonly workDir: string;
  readonly nginx: RunningNginx;
  readonly service: RunningService;
}

/** Today's service on what the fixture's commit left: its tree, state, configuration, and file for nginx. */
async function startUpgraded(): Promise<UpgradedSite> {
  const temp = await createTempDir();
  const root = join(temp.path, 'site');
  await mkdir(root);
  const archive = new URL('data.tar.gz', FIXTURE).pathname;
  // Without their times: what was staged and begun has not expired.
  await execa('tar', ['-C', root, '--touch', '-xzf', archive]);
  const port = await findFreePort();
  const nginx = await startNginx({
    root,
    upstreamPort: port,
    confFile: new URL('rpmyard.conf', FIXTURE),
  });
  const configFile = (): string =>
    OLD_CONFIG.replaceAll('/srv/repo', root)
      .replace('port: 5000', `port: ${port}`)
      .replace("public_url: ''", `public_url: '${nginx.baseUrl}'`);
  const service = await startService({ root, port, configFile });
  return {
    root,
    workDir: temp.path,
    nginx,
    service,
    [Symbol.asyncDispose]: async () => {
      await nginx.stop();
      await service.stop();
      await temp.remove();
    },
  };
}

describe('what an older version left', () => {
  it('is served, completed and gone on with by this one', async () => {
    await using site = await startUpgraded();
    const { baseUrl } = site.nginx;
    // The packages of its indexes, and one that it owed an index.
    for (const sha256 of [...FACTS.published, FACTS.owed]) {
      const found = await sendRequest(baseUrl, { path: `/api/v1/uploads/${sha256}?wait=30` });
      expect(found.status).toBe(200);
      expect(found.text).toContain('"published"');
    }
    const updates = await sendRequest(baseUrl, { path: '/repo/9/x86_64/repodata/repomd.xml' });
    expect(updates.text).toContain('type="updateinfo"');
    expect(updates.text).toContain('type="group"');

    const committed = await commit(baseUrl, FACTS.batch, 'wait=30');
    expect(committed.status).toBe(200);
    expect(documentOf(committed).packages).toHaveLength(2);

    const rest = (await readFile(new URL('resumed.rpm', FIXTURE))).subarray(FACTS.resumedAt);
    const finished = await sendRequest(baseUrl, {
      method: 'PATCH',
      path: `${FACTS.resumable}?wait=30`,
      headers: {
        'tus-resumable': '1.0.0',
        'upload-offset': FACTS.resumedAt,
        'content-type': 'application/offset+octet-stream',
        'content-length': rest.length,
      },
      body: rest,
    });
    expect(finished).toMatchObject({ status: 201 });

    expect(await putPackage(baseUrl, craftRpm({ name: 'new' }), 'wait=30')).toMatchObject({ status: 201 });
    const verified = await runRpmyard('verify', '--read-data', '-c', site.service.configPath);
    expect(verified).toMatchObject({ exitCode: 0 });
    const host = { root: join(site.workDir, 'host'), repositoryUrl: `${baseUrl}/repo/9/x86_64/` };
    const names = ['published', 'owed', 'staged-a', 'staged-b', 'resumed', 'new'];
    expect(await dnfInstall(host, ...names)).toMatchObject({ exitCode: 0 });
  });
});
