import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CI_TOKEN, startAccessSite } from '../support/access-site.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { runPush } from '../support/run-push.ts';
import type { Site } from '../support/run-site.ts';

const LARGE_BYTES = 20 * 1024 * 1024;

/** Packages of which the last is large. */
async function makePackages(site: Site): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const name of ['a', 'b', 'c', 'large']) {
    const path = join(site.workDir, `${name}.rpm`);
    const payload = name === 'large' ? { payload: Buffer.alloc(LARGE_BYTES, 'x') } : {};
    await writeFile(path, craftRpm({ name, version: '1.0', release: '1.el9', arch: 'x86_64', ...payload }));
    paths.push(path);
  }
  return paths;
}

describe.each(['nginx', 'none'] as const)('rpmyard push, in front of the service: %s', (front) => {
  it('sends packages of any size, once it has the right to, until they are in the index', async () => {
    await using site = await startAccessSite(front);
    const paths = await makePackages(site);
    const args = ['--wait', '--json', '--url', site.baseUrl, ...paths];
    const refused = await runPush(args, { RPMYARD_TOKEN: 'wrong' });
    expect(refused.exitCode).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      files: paths.map(() => ({ status: 'refused', attempts: 1, code: 'CREDENTIALS_INVALID' })),
    });
    const taken = await runPush(args, { RPMYARD_TOKEN: CI_TOKEN });
    expect(taken).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(taken.stdout)).toMatchObject({
      files: paths.map(() => ({ status: 'created', attempts: 1, places: [{ state: 'published' }] })),
      exitCode: 0,
    });
    expect(await site.leftovers()).toEqual([]);
  });
});
