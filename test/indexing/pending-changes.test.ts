import { describe, expect, it } from 'vitest';
import { PendingChanges } from '../../src/indexing/pending-changes.ts';
import { repo } from '../support/repo.ts';

const NOTHING_NEW = { trust: 'names', isTakeOver: false, placed: new Map(), steps: [] };

describe('the first run of a repository in this process', () => {
  it('looks at every file: any program may have changed anything meanwhile', () => {
    expect(new PendingChanges().take(repo('9/x86_64'))).toEqual({
      trust: 'files',
      isTakeOver: false,
      placed: new Map(),
      steps: [],
    });
  });

  it('looks at every file also when packages were placed before it', () => {
    const changes = new PendingChanges();
    changes.notePlaced(repo('9/x86_64'), { location: 'Packages/a.rpm', sha256: 'aa', step: undefined });
    expect(changes.take(repo('9/x86_64'))).toEqual({
      trust: 'files',
      isTakeOver: false,
      placed: new Map([['Packages/a.rpm', 'aa']]),
      steps: [],
    });
  });
});

describe('a later run', () => {
  it('looks at what was placed since the last one only', () => {
    const changes = new PendingChanges();
    changes.take(repo('9/x86_64'));
    changes.notePlaced(repo('9/x86_64'), { location: 'Packages/a.rpm', sha256: 'aa', step: undefined });
    changes.take(repo('9/x86_64'));
    changes.notePlaced(repo('9/x86_64'), { location: 'Packages/b.rpm', sha256: 'bb', step: undefined });
    expect(changes.take(repo('9/x86_64'))).toEqual({
      trust: 'names',
      isTakeOver: false,
      placed: new Map([['Packages/b.rpm', 'bb']]),
      steps: [],
    });
    expect(changes.take(repo('9/x86_64'))).toEqual(NOTHING_NEW);
  });

  it('trusts no more than the least that was asked for, in whatever order', () => {
    for (const order of [['files', 'nothing'] as const, ['nothing', 'files'] as const]) {
      const changes = new PendingChanges();
      changes.take(repo('9/x86_64'));
      for (const trust of order) changes.distrust(repo('9/x86_64'), trust);
      expect(changes.take(repo('9/x86_64')).trust).toBe('nothing');
      expect(changes.take(repo('9/x86_64')).trust).toBe('names');
    }
  });

  it('knows nothing of other repositories', () => {
    const changes = new PendingChanges();
    changes.take(repo('9/x86_64'));
    changes.take(repo('9/aarch64'));
    changes.distrust(repo('9/aarch64'), 'nothing');
    changes.notePlaced(repo('9/aarch64'), { location: 'Packages/a.rpm', sha256: 'aa', step: undefined });
    expect(changes.take(repo('9/x86_64'))).toEqual(NOTHING_NEW);
  });
});

describe('a run that failed', () => {
  it('leaves to the next one all that it was to look at, and what came meanwhile', () => {
    const changes = new PendingChanges();
    changes.take(repo('9/x86_64'));
    changes.notePlaced(repo('9/x86_64'), { location: 'Packages/a.rpm', sha256: 'aa', step: undefined });
    changes.notePlaced(repo('9/x86_64'), { location: 'Packages/b.rpm', sha256: 'old', step: undefined });
    changes.distrust(repo('9/x86_64'), 'files');
    const failed = changes.take(repo('9/x86_64'));
    changes.notePlaced(repo('9/x86_64'), { location: 'Packages/b.rpm', sha256: 'new', step: undefined });
    changes.notePlaced(repo('9/x86_64'), { location: 'Packages/c.rpm', sha256: 'cc', step: undefined });
    changes.giveBack(repo('9/x86_64'), failed);
    expect(changes.take(repo('9/x86_64'))).toEqual({
      trust: 'files',
      isTakeOver: false,
      steps: [],
      placed: new Map([
        ['Packages/a.rpm', 'aa'],
        ['Packages/b.rpm', 'new'],
        ['Packages/c.rpm', 'cc'],
      ]),
    });
  });

  it('does not make the next one trust more than it was asked to meanwhile', () => {
    const changes = new PendingChanges();
    changes.take(repo('9/x86_64'));
    const failed = changes.take(repo('9/x86_64'));
    changes.distrust(repo('9/x86_64'), 'nothing');
    changes.giveBack(repo('9/x86_64'), failed);
    expect(changes.take(repo('9/x86_64')).trust).toBe('nothing');
  });

  it('is not changed by what is placed after it began', () => {
    const changes = new PendingChanges();
    const taken = changes.take(repo('9/x86_64'));
    changes.notePlaced(repo('9/x86_64'), { location: 'Packages/a.rpm', sha256: 'aa', step: undefined });
    changes.distrust(repo('9/x86_64'), 'nothing');
    expect(taken).toEqual({ trust: 'files', isTakeOver: false, placed: new Map(), steps: [] });
  });
});
