import { describe, expect, it } from 'vitest';
import { createIndexReserve } from '../../src/indexing/index-reserve.ts';
import type { RepositoryState, RepositoryStatus } from '../../src/indexing/repository-schedule.ts';
import { appErrorOf } from '../support/app-error.ts';
import { repo } from '../support/repo.ts';

const FLOOR_BYTES = 16 * 1024 * 1024;

function status(repository: string, state: RepositoryState, indexBytes: number): RepositoryStatus {
  const published = { packageCount: 1, revision: '1', indexBytes };
  const nothing = { lastError: undefined, waitingSinceMs: undefined, progress: undefined };
  return { repository: repo(repository), state, published, ...nothing };
}

function checkWith(free: number | undefined, ...statuses: readonly RepositoryStatus[]) {
  return createIndexReserve({ topDir: '/', listStatus: () => statuses, freeBytes: () => free }).demandReserve;
}

describe('room for the next index', () => {
  it('is twice the present one of each repository that a package goes to, and a floor', () => {
    const statuses = [status('9/x86_64', 'clean', 1000), status('9/aarch64', 'clean', 100)];
    const targets = [repo('9/x86_64'), repo('9/aarch64')];
    expect(() => checkWith(FLOOR_BYTES + 2200, ...statuses)(targets)).not.toThrow();
    const error = appErrorOf(() => checkWith(FLOOR_BYTES + 2199, ...statuses)(targets));
    expect(error).toMatchObject({ code: 'STORAGE_FULL', statusCode: 507 });
  });

  it.each<[RepositoryState, number]>([
    ['clean', 0],
    ['waiting', 2000],
    ['running', 2000],
    ['failed', 2000],
  ])('counts another repository that is %s with %d bytes', (state, bytes) => {
    const other = status('8/x86_64', state, 1000);
    expect(() => checkWith(FLOOR_BYTES + bytes, other)([repo('9/x86_64')])).not.toThrow();
    expect(() => checkWith(FLOOR_BYTES + bytes - 1, other)([repo('9/x86_64')])).toThrow(' left and keeps ');
  });

  it('is the floor for a repository that is not known yet', () => {
    expect(() => checkWith(FLOOR_BYTES)([repo('9/x86_64')])).not.toThrow();
    expect(() => checkWith(FLOOR_BYTES - 1)([])).toThrow(' left and keeps ');
  });

  it('is not asked for on a file system that does not say what is free', () => {
    expect(() => checkWith(undefined)([repo('9/x86_64')])).not.toThrow();
  });

  it('leaves what is free beyond it', () => {
    const listStatus = () => [status('9/x86_64', 'waiting', 1000), status('9/aarch64', 'clean', 100)];
    const spareOf = (free: number | undefined): number =>
      createIndexReserve({ topDir: '/', listStatus, freeBytes: () => free }).spareBytes();
    expect([FLOOR_BYTES + 2500, FLOOR_BYTES, undefined].map(spareOf)).toEqual([500, -2000, Infinity]);
  });

  it('is there on this machine', () => {
    expect(() => createIndexReserve({ topDir: '/', listStatus: () => [] }).demandReserve([])).not.toThrow();
  });
});
