import { describe, expect, it } from 'vitest';
import {
  findNoarchRepository,
  joinRepositoryName,
  parseRepositoryFileName,
  parseRepositoryName,
  replaceBasearch,
  splitRepositoryName,
  toRepositoryFileName,
} from '../../src/rpm/repository-name.ts';
import { repo } from '../support/repo.ts';

const CHANNELS = new Set(['testing']);

describe('the name of a repository', () => {
  it.each(['9/x86_64', '8.6/SRPMS', 'fc40/noarch', '7Server/i386'])('may be %s', (name) => {
    expect(parseRepositoryName(name)).toBe(name);
    expect(parseRepositoryName(name, CHANNELS)).toBe(name);
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
    '/9/x86_64',
    'testing/9/x86_64/Packages',
  ])('is not %s', (text) => {
    expect(parseRepositoryName(text)).toBeUndefined();
    expect(parseRepositoryName(text, CHANNELS)).toBeUndefined();
  });

  it('begins with a channel where there is one of that name, and nowhere else', () => {
    expect(parseRepositoryName('testing/9/x86_64', CHANNELS)).toBe('testing/9/x86_64');
    expect(parseRepositoryName('testing/9/x86_64')).toBeUndefined();
    expect(parseRepositoryName('stable/9/x86_64', CHANNELS)).toBeUndefined();
  });

  it.each([
    { releasever: '9', basearch: 'x86_64' },
    { channel: 'testing', releasever: '9', basearch: 'x86_64' },
  ])('has the parts that it was made of: %o', (parts) => {
    const name = joinRepositoryName(parts, CHANNELS);
    expect(name && splitRepositoryName(name)).toEqual(parts);
  });

  it.each([
    { releasever: 'testing/9', basearch: 'x86_64' },
    { releasever: '9', basearch: 'x86_64/Packages' },
    { channel: 'stable', releasever: '9', basearch: 'x86_64' },
  ])('is not made of %o', (parts) => {
    expect(joinRepositoryName(parts, CHANNELS)).toBeUndefined();
  });

  it.each([
    ['9/x86_64', '9@x86_64'],
    ['testing/9/x86_64', 'testing@9@x86_64'],
  ])('%s is a file name of one piece, and comes back from it', (name, fileName) => {
    expect(toRepositoryFileName(repo(name, CHANNELS))).toBe(fileName);
    expect(parseRepositoryFileName(fileName, CHANNELS)).toBe(name);
  });

  it.each(['9', 'README', '9@x86_64@y', '9@x86_64~'])('does not come from a file %s', (name) => {
    expect(parseRepositoryFileName(name)).toBeUndefined();
  });

  it('keeps the rest of its parts with another basearch', () => {
    expect(replaceBasearch(repo('9/x86_64'), 'i386')).toBe('9/i386');
    expect(replaceBasearch(repo('testing/9/x86_64', CHANNELS), 'i386')).toBe('testing/9/i386');
    expect(replaceBasearch(repo('9/x86_64'), '..')).toBeUndefined();
  });

  it('leads to the repository for noarch packages beside it, but not from there or from sources', () => {
    expect(findNoarchRepository(repo('9/x86_64'))).toBe('9/noarch');
    expect(findNoarchRepository(repo('9/noarch'))).toBeUndefined();
    expect(findNoarchRepository(repo('9/SRPMS'))).toBeUndefined();
  });
});
