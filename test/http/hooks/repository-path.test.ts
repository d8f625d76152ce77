import { describe, expect, it } from 'vitest';
import { needOfRepositoryPath, needOfRepositoryUrl } from '../../../src/http/hooks/repository-path.ts';

const ALL = { right: 'read', in: 'all' };
const IN_9 = { right: 'read', in: { repository: '9/x86_64' } };

describe('reading below /repo/', () => {
  it.each([
    ['RPM-GPG-KEY-rpmyard', 'nothing'],
    ['rpmyard.repo', 'nothing'],
    ['9/x86_64.repo', 'nothing'],
    ['9/x86_64/', IN_9],
    ['9/x86_64/repodata/repomd.xml', IN_9],
    ['9/x86_64/mirrorlist', IN_9],
    ['9/x86_64/@17/repodata/repomd.xml', IN_9],
    ['9/x86_64/Packages/a.rpm', IN_9],
    ['9/x86_64/Packages/a.repo', IN_9],
    ['9/x86_64/RPM-GPG-KEY-x', IN_9],
    ['', ALL],
    ['9', ALL],
    ['9/', ALL],
    ['9/x86_64', IN_9],
    ['9/@64/SRPMS/repodata/repomd.xml', ALL],
    ['9/@64/', ALL],
    ['@64/x86_64/a', ALL],
    ['9//x86_64/a', ALL],
    ['9/../8/x86_64/a', ALL],
    ['9/./x86_64/a', ALL],
    ['./rpmyard.repo', ALL],
    ['9/x86 64/a', ALL],
    [`9/${'x'.repeat(65)}/a`, ALL],
    [`${'9'.repeat(65)}/x86_64/a`, ALL],
  ])('"%s" needs %j', (path, need) => {
    expect(needOfRepositoryPath(path)).toEqual(need);
  });

  it.each([
    ['/repo/9/x86_64/repodata/repomd.xml?a=b', IN_9],
    ['/repo/9/x86%5f64/a', IN_9],
    ['/repo/9/x86_64.repo', 'nothing'],
    ['/repo/9%2fx86_64/a', ALL],
    ['/repo/9/x86_64/a%00', ALL],
    ['/repo/9/#.repo', ALL],
    ['/repo/#.repo', ALL],
    ['/repo/9/x86_64/#', ALL],
    ['/repo/%zz', ALL],
    ['/repo', ALL],
    ['/repo/9/x86_64/..%2f..%2f8/x86_64/a', ALL],
    ['/repo/9/x86_64/../../8/x86_64/a', ALL],
    ['/other/../repo/9/x86_64/a', ALL],
    ['/repo/9/x86_64/%2e%2e/%2e%2e/8/x86_64/a', ALL],
    ['', ALL],
  ])('the URL "%s" needs %j', (url, need) => {
    expect(needOfRepositoryUrl(url, (path) => path)).toEqual(need);
  });

  it('a URL needs what its decoded path leads to', () => {
    const onDisk = (path: string) => path.replace(/^9\.4\//, '9/');
    expect(needOfRepositoryUrl('/repo/9%2E4/x86_64/a', onDisk)).toEqual(IN_9);
    expect(needOfRepositoryUrl('/repo/9.4/x86_64.repo', onDisk)).toBe('nothing');
  });
});
