// Makes what the upgrade test starts from: `node test/upgrade/make-fixture.ts`, on the commit that is upgraded from.
import { copyFile, cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { stage } from '../support/batch-client.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { startSite } from '../support/run-site.ts';
import { type HttpAnswer, putPackage, sendRequest, sha256Of } from '../support/send-request.ts';
import type { UpgradeFacts } from './upgrade-facts.ts';

const FIXTURE = fileURLToPath(new URL('fixture/', import.meta.url));
const ROOT = new URL('../../', import.meta.url);
const BATCH = 'release-1';
const METADATA = '/api/v1/repositories/9/x86_64/metadata';
const GROUPS = '<comps><group><id>tools</id><name>Tools</name></group></comps>';
const UPDATES = '<updates><update type="security"><id>A-1</id><title>one</title></update></updates>';
const TUS = { 'tus-resumable': '1.0.0' };

const published = craftRpm({ name: 'published', files: [{ path: '/usr/share/published', content: 'here' }] });
const everywhere = craftRpm({ name: 'everywhere', arch: 'noarch' });
const owed = craftRpm({ name: 'owed' });
const staged = [craftRpm({ name: 'staged-a' }), craftRpm({ name: 'staged-b' })];
const resumed = craftRpm({ name: 'resumed' });

await makeFixture();

async function makeFixture(): Promise<void> {
  await using site = await startSite();
  const { baseUrl } = site;
  for (const bytes of [published, everywhere]) expectStatus(await putPackage(baseUrl, bytes, 'wait=30'), 201);
  expectStatus(await putMetadata(baseUrl, 'group?wait=30', GROUPS), 200);
  for (const bytes of staged) expectStatus(await stage(baseUrl, BATCH, bytes), 202);
  await site.service.stop();
  // What a stop in the quiet time leaves: a package that no index names, and metadata that no repomd.xml names.
  await site.restart({ config: { index_updater: { quiet_seconds: 3600, max_wait_seconds: 86_400 } } });
  expectStatus(await putPackage(baseUrl, owed), 201);
  expectStatus(await putMetadata(baseUrl, 'updateinfo', UPDATES), 202);
  const facts: UpgradeFacts = {
    published: [published, everywhere].map(sha256Of),
    owed: sha256Of(owed),
    batch: BATCH,
    resumable: await beginResumable(baseUrl),
    resumedAt: Math.floor(resumed.length / 2),
  };
  await site.service.stop();

  await mkdir(FIXTURE, { recursive: true });
  await writeFile(join(FIXTURE, 'facts.json'), `${JSON.stringify(facts, null, 2)}\n`);
  await writeFile(join(FIXTURE, 'resumed.rpm'), resumed);
  await copyFile(new URL('config.example.yml', ROOT), join(FIXTURE, 'config.yml'));
  await cp(new URL('nginx/rpmyard.conf', ROOT), join(FIXTURE, 'rpmyard.conf'));
  // The token of a process that is gone would be found by those who look for leaked ones.
  const left = ['--exclude=state/local-token'];
  await execa('tar', [
    '-C',
    site.root,
    ...left,
    '-czf',
    join(FIXTURE, 'data.tar.gz'),
    'storage',
    'spool',
    'state',
  ]);
}

function putMetadata(baseUrl: string, target: string, body: string): Promise<HttpAnswer> {
  return sendRequest(baseUrl, { method: 'PUT', path: `${METADATA}/${target}`, body });
}

/** Sends the first half of a package; gives the upload's path. */
async function beginResumable(baseUrl: string): Promise<string> {
  const headers = { ...TUS, 'upload-length': resumed.length };
  const begun = await sendRequest(baseUrl, { method: 'POST', path: '/upload/resumable', headers });
  expectStatus(begun, 201);
  const path = `/upload/${begun.headers.location ?? ''}`;
  const half = resumed.subarray(0, Math.floor(resumed.length / 2));
  const pieceHeaders = {
    ...TUS,
    'upload-offset': 0,
    'content-type': 'application/offset+octet-stream',
    'content-length': half.length,
  };
  expectStatus(await sendRequest(baseUrl, { method: 'PATCH', path, headers: pieceHeaders, body: half }), 204);
  return path;
}

function expectStatus({ status, text }: HttpAnswer, expected: number): void {
  if (status !== expected) throw new Error(`expected ${expected}, got ${status}: ${text}`);
}
