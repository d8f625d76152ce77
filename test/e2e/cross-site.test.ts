import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CI_TOKEN, startAccessSite } from '../support/access-site.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { runCurl } from '../support/run-curl.ts';
import type { Front } from '../support/run-site.ts';
import { visibleIn } from '../support/visible-in.ts';

const FRONTS: readonly Front[] = ['nginx', 'none'];
// What a browser sends for a page of another site, with the password that its user gave it once.
const FOREIGN = [
  '-u',
  `ci:${CI_TOKEN}`,
  '-H',
  'Origin: https://evil.example',
  '-H',
  'Sec-Fetch-Site: cross-site',
];

describe.each(FRONTS)('behind %s, a page of another site', (front) => {
  it('changes nothing with the password of its visitor, and what it tried is on record', async () => {
    await using site = await startAccessSite(front);
    const large = join(site.workDir, 'large.rpm');
    await writeFile(large, Buffer.alloc(4_000_000, 1));
    const { baseUrl } = site;
    const attempts: readonly (readonly [string, readonly string[]])[] = [
      ['/upload', ['-T', large]],
      ['/upload/a.rpm', ['-T', large]],
      ['/upload', ['-F', `file=@${large}`]],
      ['/upload/resumable', ['-X', 'POST', '-H', 'Tus-Resumable: 1.0.0', '-H', 'Upload-Length: 5']],
      ['/api/v1/batches/b/commit', ['-X', 'POST']],
      ['/api/v1/batches/b', ['-X', 'DELETE']],
      ['/api/v1/repositories/9/x86_64/metadata/group', ['-T', large]],
      ['/api/v1/repositories/9/x86_64/reindex', ['-X', 'POST']],
      ['/nothing', ['-X', 'POST']],
    ];
    for (const [path, args] of attempts) {
      const answer = await runCurl(...FOREIGN, ...args, `${baseUrl}${path}`);
      expect(answer, path).toMatchObject({
        status: 403,
        body: expect.stringContaining('CROSS_SITE_REFUSED'),
      });
    }
    expect(await runCurl(...FOREIGN, '-T', large, `${baseUrl}/upload`)).toMatchObject({ sentBytes: 0 });
    expect(await site.leftovers()).toEqual([]);
    expect(await visibleIn(site.storageDir)).toEqual(['rpmyard.repo']);
    const lines = (await readFile(join(site.stateDir, 'audit.log'), 'utf8')).trimEnd().split('\n');
    const audited = lines.map((line): unknown => JSON.parse(line));
    expect(audited).toEqual(
      [...attempts, ['/upload']].map(([url]) =>
        expect.objectContaining({ url, who: null, outcome: 'CROSS_SITE_REFUSED' }),
      ),
    );
  });

  it('may read what every client may, and a page of this site may upload', async () => {
    await using site = await startAccessSite(front);
    const rpm = join(site.workDir, 'pkg.rpm');
    await writeFile(rpm, craftRpm({ name: 'pkg', release: '1.el9', arch: 'x86_64' }));
    expect(await runCurl(...FOREIGN, `${site.baseUrl}/api/v1/repositories`)).toMatchObject({ status: 200 });
    const own = [
      '-u',
      `ci:${CI_TOKEN}`,
      '-H',
      `Origin: ${site.baseUrl}`,
      '-H',
      'Sec-Fetch-Site: same-origin',
    ];
    expect(await runCurl(...own, '-F', `file=@${rpm}`, `${site.baseUrl}/upload`)).toMatchObject({
      status: 201,
    });
    expect(await runCurl(...own, '-T', rpm, `${site.baseUrl}/upload`)).toMatchObject({ status: 200 });
  });
});
