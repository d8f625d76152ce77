import { describe, expect, it } from 'vitest';
import { recogniseDirectory } from '../../../src/intake/adopt/recognise-directory.ts';
import { routePackage } from '../../../src/intake/adopt/route-package.ts';
import { createRepositoryLayout } from '../../../src/storage/repository-layout.ts';
import { repo } from '../../support/repo.ts';

const EL = /\.el(?<releasever>\d+)/;
const RULES = {
  topDir: '/srv/repo/storage',
  releaseverPatterns: [EL],
};
const layout = createRepositoryLayout({
  topDir: '/srv/repo/storage',
  releaseverPatterns: [EL],
  noarchBasearches: ['x86_64', 'aarch64'],
  multilib: new Map([['i386', ['x86_64']]]),
});
const targetsOf = layout.targetsOf.bind(layout);
const IDENTITY = {
  name: 'x',
  version: '1',
  release: '1',
  arch: 'x86_64',
  isSource: false,
  isNoSource: false,
};

describe('the directory of a package', () => {
  it.each([
    ['9/x86_64/x.rpm', '9/x86_64'],
    ['9/x86_64/Packages/x.rpm', '9/x86_64'],
    ['el9/x86_64/x.rpm', '9/x86_64'],
    ['centos/8.6/aarch64/os/x.rpm', '8.6/aarch64'],
    ['stable/x86_64/Packages/x.rpm', 'stable/x86_64'],
    ['9/i686/x.rpm', '9/i386'],
    ['9/SRPMS/x.rpm', '9/SRPMS'],
    ['9/noarch/x.rpm', '9/noarch'],
    ['8/x86_64/9/x86_64/x.rpm', '9/x86_64'],
    ['stable/x86_64/x.rpm', undefined],
    ['home/x86_64/updates/x.rpm', undefined],
    ['9/Packages/x.rpm', undefined],
    ['x.rpm', undefined],
    ['../x86_64/Packages/x.rpm', undefined],
  ])('%s names the repository %s', (path, repository) => {
    expect(recogniseDirectory('/old', path, RULES)?.repository).toBe(repository);
  });

  it.each([
    ['/old/9/x86_64', 'x.rpm'],
    ['/old/9', 'x86_64/x.rpm'],
  ])('counts the names of %s itself', (root, path) => {
    expect(recogniseDirectory(root, path, RULES)).toMatchObject({ repository: '9/x86_64', isInTree: false });
  });

  it('is a repository of ours below the top directory, whatever its name', () => {
    expect(recogniseDirectory('/srv/repo/storage', 'stable/special/x.rpm', RULES)).toEqual({
      repository: 'stable/special',
      releasever: 'stable',
      isInTree: true,
    });
    expect(recogniseDirectory('/srv/repo/storage/9', 'x86_64/x.rpm', RULES)?.repository).toBe('9/x86_64');
    expect(recogniseDirectory('/srv/repo/storage', '9/x.rpm', RULES)).toBeUndefined();
  });
});

describe('the way of a package', () => {
  const named = { repository: repo('8/x86_64'), releasever: '8', isInTree: false };
  const route = (
    release: string,
    directory: typeof named | undefined,
    releasever?: string,
    arch = IDENTITY.arch,
  ) => {
    const rules = { targetsOf, releasever };
    const found = routePackage({ ...IDENTITY, release, arch }, directory, rules);
    return { ...found, targets: found.targets.map(({ repository }) => repository) };
  };

  it('is said by its release tag, whatever directory it lies in', () => {
    expect(route('1.el9', named, '7')).toEqual({
      targets: ['9/x86_64'],
      releasever: undefined,
      keptIn: undefined,
      taggedReleasever: undefined,
    });
  });

  it('of i686 is that of an upload, but in a directory of x86_64 it ends there', () => {
    const both = ['8/i386', '8/x86_64'];
    expect(route('1.el8', undefined, undefined, 'i686')).toMatchObject({ targets: both, keptIn: undefined });
    expect(route('1.el8', { ...named, repository: repo('8/i386') }, undefined, 'i686')).toMatchObject({
      targets: both,
      keptIn: undefined,
    });
    for (const release of ['1.el8', '1']) {
      const kept = { targets: ['8/x86_64'], keptIn: 'x86_64' };
      expect(route(release, named, undefined, 'i686')).toMatchObject(kept);
      expect(route(release, { ...named, isInTree: true }, undefined, 'i686')).toMatchObject(kept);
    }
    // What no host of the directory installs is not left there.
    expect(route('1.el8', named, undefined, 'aarch64')).toMatchObject({ targets: ['8/aarch64'] });
  });

  it('is said by the directory where the release tag says nothing', () => {
    expect(route('1', named, '7')).toMatchObject({ targets: ['8/x86_64'], releasever: '8' });
  });

  it('is said by the option where nothing else says it', () => {
    expect(route('1', undefined, '7')).toMatchObject({ targets: ['7/x86_64'], releasever: '7' });
  });

  it('is unknown without all of them, with the option as remedy', () => {
    expect(() => route('1', undefined)).toThrow(
      expect.objectContaining({ code: 'RELEASEVER_UNKNOWN', hint: expect.stringContaining('--releasever') }),
    );
  });

  it('ends in the tree where a client sent it with ?releasever=', () => {
    const inTree = { ...named, isInTree: true };
    expect(route('1.el9', inTree)).toEqual({
      targets: ['8/x86_64'],
      releasever: '8',
      keptIn: undefined,
      taggedReleasever: '9',
    });
    expect(route('1.el8', inTree)).toMatchObject({ releasever: undefined });
  });
});
