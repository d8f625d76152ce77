import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MAX_NESTING, MAX_SPACES } from '../../src/rpm/rpm-parser/dependency-defect.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { dnfMakecache, dnfRepoquery } from '../support/run-dnf.ts';
import { startSite } from '../support/run-site.ts';
import { putPackage } from '../support/send-request.ts';
import { zypperAddRepository, zypperRefresh, zypperSearch } from '../support/run-zypper.ts';

/** As deep and as long as it may be: what follows the first operator is read one call deeper. */
function deepest(): string {
  const terms = MAX_SPACES / 2 - MAX_NESTING + 1;
  const innermost = Array.from({ length: terms }, (_, index) => `t${index}`).join(' or ');
  const levels = MAX_NESTING - 1;
  return `${'(a or '.repeat(levels)}(${innermost})${')'.repeat(levels)}`;
}

describe('hosts', () => {
  test('read a repository with the deepest dependencies that are taken, and a deeper one is refused', async () => {
    await using site = await startSite({ front: 'none' });
    const { baseUrl } = site;
    const name = deepest();
    const dependencies = { requires: [{ name }], conflicts: [{ name }], recommends: [{ name }] };
    const deeper = { requires: [{ name: `(${name})` }] };
    expect(await putPackage(baseUrl, craftRpm({ name: 'deeper', dependencies: deeper }))).toMatchObject({
      status: 422,
      text: expect.stringContaining('DEPENDENCY_INVALID'),
    });
    expect(await putPackage(baseUrl, craftRpm({ name: 'deep', dependencies }))).toMatchObject({
      status: 201,
    });
    expect(await putPackage(baseUrl, craftRpm({ name: 'plain' }), 'wait=50')).toMatchObject({ status: 201 });

    const repositoryUrl = `${baseUrl}/repo/9/x86_64/`;
    const dnfHost = { root: join(site.workDir, 'dnf'), repositoryUrl };
    expect(await dnfMakecache(dnfHost)).toMatchObject({ exitCode: 0 });
    const all = await dnfRepoquery(dnfHost, '--qf', '%{name}');
    expect(all.stdout.trim().split('\n')).toEqual(['deep', 'plain']);
    expect(await dnfRepoquery(dnfHost, '--requires', 'deep')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('t0'),
    });
    const zypperHost = { root: join(site.workDir, 'zypper'), repositoryUrl };
    expect(await zypperAddRepository(zypperHost)).toMatchObject({ exitCode: 0 });
    expect(await zypperRefresh(zypperHost)).toMatchObject({ exitCode: 0 });
    expect(await zypperSearch(zypperHost, 'plain')).toMatchObject({ exitCode: 0 });
  });
});
