import { describe, expect, it } from 'vitest';
import {
  noarchRepositoryBeside,
  parseRepositoryName,
  repositoryFileName,
  repositoryOfFileName,
  splitRepositoryName,
} from '../../src/rpm/repository-name.ts';

describe('the name of a repository', () => {
  it.each(['9/x86_64', '8.6/SRPMS', 'fc40/noarch', '7Server/i386'])('may be %s', (name) => {
    expect(parseRepositoryName(name)).toBe(name);
  });

  it.each([
    '9',
    '9/',
    '/x86_64',
    '9/x86_64/Packages',
    '../x86_64',
    '9/..',
    '.9/x86_64',
    '9@x/x86_64',
    'a.repo/x86_64',
  ])('is not %s', (text) => {
    expect(parseRepositoryName(text)).toBeUndefined();
  });

  it('has two parts', () => {
    expect(splitRepositoryName('9/x86_64')).toEqual({ releasever: '9', basearch: 'x86_64' });
    expect(splitRepositoryName('test/9/x86_64')).toEqual({ releasever: '9', basearch: 'x86_64' });
  });

  it('is a file name of one piece, and comes back from it', () => {
    expect(repositoryFileName('9/x86_64')).toBe('9@x86_64');
    expect(repositoryOfFileName('9@x86_64')).toBe('9/x86_64');
  });

  it.each(['9', 'README', '9@x86_64@y', '9@x86_64~'])('does not come from a file %s', (name) => {
    expect(repositoryOfFileName(name)).toBeUndefined();
  });

  it('leads to the repository for noarch packages beside it, but not from there or from sources', () => {
    expect(noarchRepositoryBeside('9/x86_64')).toBe('9/noarch');
    expect(noarchRepositoryBeside('9/noarch')).toBeUndefined();
    expect(noarchRepositoryBeside('9/SRPMS')).toBeUndefined();
  });
});
