import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { hashToken, newToken } from '../../src/trust/token-hash.ts';
import { QUOTAS } from '../../src/base/limits/quotas.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { type HttpAnswer, putPackage, sendRequest } from '../support/send-request.ts';

const ALICE = newToken();
const BOB = newToken();
const CONFIG = {
  access: {
    tokens: [
      { name: 'alice', hash: hashToken(ALICE), upload: ['9/*'] },
      { name: 'bob', hash: hashToken(BOB), upload: ['9/*', '10/*'] },
    ],
  },
  // No index run comes in between.
  index_updater: { quiet_seconds: 3600, max_wait_seconds: 86_400 },
};

const as = (token: string): { readonly authorization: string; readonly accept: string } => ({
  authorization: `Bearer ${token}`,
  accept: 'application/json',
});

function begin({ baseUrl }: Site, token: string): Promise<HttpAnswer> {
  const headers = { ...as(token), 'tus-resumable': '1.0.0', 'upload-length': 1000 };
  return sendRequest(baseUrl, { method: 'POST', path: '/upload/resumable', headers });
}

function putMetadata({ baseUrl }: Site, token: string, path: string): Promise<HttpAnswer> {
  const headers = as(token);
  const body = Buffer.from(path);
  return sendRequest(baseUrl, { method: 'PUT', path: `/api/v1/repositories/${path}`, headers, body });
}

/** As if the one that is there had been begun so many times more. */
async function copyUpload(directory: string, count: number): Promise<void> {
  const [id = ''] = await readdir(directory);
  const facts = await readFile(join(directory, id, 'upload.json'));
  for (let copy = 0; copy < count; copy += 1) {
    const folder = join(directory, randomUUID());
    await mkdir(folder);
    await writeFile(join(folder, 'upload.json'), facts);
    await writeFile(join(folder, 'body'), '');
  }
}

async function auditedOutcomes({ stateDir }: Site): Promise<readonly string[]> {
  const lines = (await readFile(join(stateDir, 'audit.log'), 'utf8')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line).outcome);
}

describe('one token at its quota', () => {
  test('of unfinished uploads still uploads otherwise, others begin theirs, and what is there at the start counts', async () => {
    await using site = await startSite({ front: 'none', config: CONFIG });
    const { each } = QUOTAS.unfinishedUploads;
    expect(await begin(site, ALICE)).toMatchObject({ status: 201 });
    await site.service.stop();
    await copyUpload(join(site.stateDir, 'resumable'), each - 2);
    await site.restart();
    expect(await begin(site, ALICE)).toMatchObject({ status: 201 });
    const refused = await begin(site, ALICE);
    expect(refused.status).toBe(429);
    expect(refused.json()).toMatchObject({ code: 'QUOTA_REACHED', quota: 'unfinishedUploads', limit: each });
    const package9 = craftRpm({ name: 'a', release: '1.el9' });
    expect(await putPackage(site.baseUrl, package9, '', as(ALICE))).toMatchObject({ status: 201 });
    const others = await begin(site, BOB);
    expect(others.status).toBe(201);
    const path = `/upload/${others.headers.location ?? ''}`;
    const headers = { ...as(BOB), 'tus-resumable': '1.0.0' };
    expect(await sendRequest(site.baseUrl, { method: 'DELETE', path, headers })).toMatchObject({
      status: 204,
    });
    const outcomes = await auditedOutcomes(site);
    expect(outcomes).toEqual([
      'upload begun',
      'upload begun',
      'QUOTA_REACHED',
      'created',
      'upload begun',
      'upload deleted',
    ]);
  });

  test('of types of metadata in a repository replaces those that are there, and others put theirs elsewhere', async () => {
    await using site = await startSite({ front: 'none', config: CONFIG });
    for (const release of ['9', '10']) {
      const bytes = craftRpm({ name: 'a', release: `1.el${release}` });
      expect(await putPackage(site.baseUrl, bytes, '', as(BOB))).toMatchObject({ status: 201 });
    }
    // All but one wait already: each that is put is checked by a process of its own.
    const waiting = join(site.stateDir, 'metadata/9@x86_64');
    await mkdir(waiting, { recursive: true });
    for (let number = 1; number < QUOTAS.metadataTypes; number += 1) {
      await writeFile(join(waiting, `type${number}.gz`), gzipSync('text'));
    }
    const first = '9/x86_64/metadata/type0';
    expect(await putMetadata(site, ALICE, first)).toMatchObject({ status: 202 });
    const refused = await putMetadata(site, ALICE, '9/x86_64/metadata/another');
    expect(refused.json()).toMatchObject({ code: 'QUOTA_REACHED', limit: QUOTAS.metadataTypes });
    expect(await putMetadata(site, BOB, '10/x86_64/metadata/another')).toMatchObject({ status: 202 });

    // Published ones count as those that wait.
    const waited = await sendRequest(site.baseUrl, {
      path: '/api/v1/repositories/9/x86_64?wait=50',
      headers: as(ALICE),
    });
    expect(waited.status).toBe(200);
    expect(await putMetadata(site, ALICE, '9/x86_64/metadata/another')).toMatchObject({ status: 429 });
    expect(await putMetadata(site, ALICE, first)).toMatchObject({ status: 202 });
  });
});
