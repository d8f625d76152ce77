import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { craftRpm, SENSE } from '../support/craft-rpm.ts';
import { FOREIGN_PACKAGES } from '../support/foreign-packages.ts';
import { dnfInstall } from '../support/run-dnf.ts';
import { startSite } from '../support/run-site.ts';
import { putPackage, reindex, sendRequest } from '../support/send-request.ts';

/** What the others require. */
const BASE = craftRpm({
  name: 'bash',
  version: '5.2',
  files: [{ path: '/bin/sh', mode: 0o100755, content: '#!/bin/true\n' }],
  dependencies: { provides: [{ name: 'bash', flags: SENSE.EQUAL, evr: '5.2-1.el9' }, { name: '/bin/sh' }] },
});

/** Packages of others, of those that lie in RPMYARD_CORPUS; each is of another packager. */
const CORPUS_PACKAGES: Readonly<Record<string, string>> = {
  'np-kinds': 'foreign/rpmpack/np-kinds.rpm',
  bartest: 'foreign/rrpm/bartest.rpm',
  'rl-one': 'foreign/redline/rl-one.rpm',
  'ep-changelog': 'foreign/ep/ep-changelog.rpm',
  'bz-provides': 'foreign/bazel/bz-provides.rpm',
  'qs-wrongsize': 'foreign/quirks/qs-wrongsize.rpm',
  'qt-summary-twice': 'foreign/quirks/qt-summary-twice.rpm',
  'qt-chglog-mismatch': 'foreign/quirks/qt-chglog-mismatch.rpm',
};

async function corpusPackages(): Promise<readonly (readonly [string, Buffer])[]> {
  const dir = process.env['RPMYARD_CORPUS'];
  if (!dir) return [];
  const there = Object.entries(CORPUS_PACKAGES).filter(([, path]) => existsSync(join(dir, path)));
  return Promise.all(there.map(async ([name, path]) => [name, await readFile(join(dir, path))] as const));
}

test('packages of other packagers are taken, installed by dnf, and stay in the index when it is made anew', async () => {
  await using site = await startSite();
  const crafted = Object.entries(FOREIGN_PACKAGES)
    .filter(([, spec]) => spec.isSource !== true)
    .map(([, spec]) => [spec.name ?? 'example', craftRpm(spec)] as const);
  const packages = [['bash', BASE] as const, ...crafted, ...(await corpusPackages())];
  for (const [name, bytes] of packages) {
    const answer = await putPackage(site.baseUrl, bytes, 'releasever=9');
    expect([name, answer.status, answer.text]).toEqual([name, 201, expect.anything()]);
  }
  // The same again, to wait for the index.
  expect(await putPackage(site.baseUrl, BASE, 'releasever=9&wait=50')).toMatchObject({ status: 200 });
  await reindex(site.baseUrl, '9/x86_64');
  const host = { root: join(site.workDir, 'host'), repositoryUrl: `${site.baseUrl}/repo/9/x86_64/` };
  const names = packages.map(([name]) => name);
  const { exitCode, stdout, stderr } = await dnfInstall(host, ...names);
  expect([exitCode, stdout, stderr]).toEqual([0, expect.anything(), expect.anything()]);
  const { text } = await sendRequest(site.baseUrl, { path: '/readyz' });
  expect(text).not.toContain('set-aside');
});
