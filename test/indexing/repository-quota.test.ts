import { describe, expect, test } from 'vitest';
import { type AdmitRepositories, createRepositoryQuota } from '../../src/indexing/repository-quota.ts';
import { rejectionOf } from '../support/app-error.ts';
import { repo } from '../support/repo.ts';
import type { RepositoryName } from '../../src/rpm/repository-name.ts';

const HOUR_MS = 3_600_000;

interface Site {
  readonly admit: AdmitRepositories;
  readonly known: Set<RepositoryName>;
  readonly pass: (ms: number) => void;
}

function siteWith(quota: { readonly eachPerDay: number; readonly together: number }): Site {
  let nowMs = 0;
  const known = new Set<RepositoryName>();
  return {
    known,
    pass: (ms) => {
      nowMs += ms;
    },
    admit: createRepositoryQuota({
      isKnown: async (repository) => known.has(repository),
      listKnown: () => [...known],
      now: () => nowMs,
      quota,
    }),
  };
}

describe('the quota of new repositories', () => {
  test('refuses an owner that made enough in a day, not another, and nothing that is there', async () => {
    const { admit, known } = siteWith({ eachPerDay: 2, together: 100 });
    await admit([repo('1/x86_64'), repo('1/noarch')], 'alice');
    known.add(repo('1/x86_64'));
    expect(await rejectionOf(admit([repo('2/x86_64')], 'alice'))).toMatchObject({
      code: 'QUOTA_REACHED',
      details: { quota: 'newRepositoriesADay', limit: 2 },
    });
    await admit([repo('1/x86_64'), repo('1/noarch')], 'alice');
    await admit([repo('2/x86_64')], 'bob');
    await admit([repo('2/x86_64')], 'alice');
  });

  test('counts what one package would make together, and keeps nothing of what it refused', async () => {
    const { admit } = siteWith({ eachPerDay: 2, together: 100 });
    expect(await rejectionOf(admit([repo('1/a'), repo('1/b'), repo('1/c')], 'alice'))).toMatchObject({
      code: 'QUOTA_REACHED',
    });
    await admit([repo('1/a'), repo('1/b')], 'alice');
  });

  test('tells a request that alone needs too many so, and names no time at which it would be admitted', async () => {
    const { admit } = siteWith({ eachPerDay: 2, together: 100 });
    const { message, hint, details } = await rejectionOf(
      admit([repo('1/a'), repo('1/b'), repo('1/c')], 'alice'),
    );
    expect(message).toContain('3 new repositories');
    expect(hint).toContain('rpmyard adopt');
    expect(hint).not.toMatch(/\d{4}-/);
    expect(details).toEqual({ quota: 'newRepositoriesADay', limit: 2 });
  });

  test('names the time at which there is room for all that a request needs', async () => {
    const { admit, pass } = siteWith({ eachPerDay: 3, together: 100 });
    for (const repository of ['1/a', '2/a', '3/a']) {
      await admit([repo(repository)], 'alice');
      pass(HOUR_MS);
    }
    const fresh = [repo('4/a'), repo('5/a')];
    expect((await rejectionOf(admit(fresh, 'alice'))).hint).toContain('1970-01-02T01:00:00');
    pass(22 * HOUR_MS - 1);
    expect((await rejectionOf(admit(fresh, 'alice'))).code).toBe('QUOTA_REACHED');
    pass(1);
    await admit(fresh, 'alice');
  });

  test('forgets each after a day', async () => {
    const { admit, pass } = siteWith({ eachPerDay: 2, together: 100 });
    await admit([repo('1/a')], 'alice');
    pass(12 * HOUR_MS);
    await admit([repo('2/a')], 'alice');
    expect((await rejectionOf(admit([repo('3/a')], 'alice'))).hint).toContain('1970-01-02T00:00:00');
    pass(12 * HOUR_MS);
    await admit([repo('3/a')], 'alice');
    expect(await rejectionOf(admit([repo('4/a')], 'alice'))).toMatchObject({ code: 'QUOTA_REACHED' });
  });

  test('refuses every owner when there are enough, with those that are being made', async () => {
    const { admit, known } = siteWith({ eachPerDay: 2, together: 3 });
    for (const repository of ['7/a', '8/a']) known.add(repo(repository));
    await admit([repo('9/a')], 'alice');
    expect(await rejectionOf(admit([repo('10/a')], 'bob'))).toMatchObject({
      details: { quota: 'repositories' },
    });
    known.add(repo('9/a'));
    await admit([repo('9/a'), repo('8/a')], 'bob');
  });
});
