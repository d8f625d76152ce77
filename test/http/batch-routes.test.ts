import { describe, expect, test } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { eventually } from '../support/eventually.ts';
import { buildTestApp, type TestApp } from '../support/test-app.ts';

const FAULT = new AppError('BATCH_UNPLACED', 'the disk is full', { hint: 'wait' });
const url = '/api/v1/batches/b/commit';

function faultsIn({ logLines }: TestApp): readonly string[] {
  return logLines.filter((line) => line.includes('BATCH_UNPLACED'));
}

describe('a commit that fails', () => {
  test('is logged once when the client hears of it', async () => {
    await using site = await buildTestApp({ batches: { commit: () => Promise.reject(FAULT) } });
    expect((await site.app.inject({ method: 'POST', url })).statusCode).toBe(503);
    expect(faultsIn(site)).toHaveLength(1);
  });

  test('is logged once also when the client was told before to ask again', async () => {
    const ended = Promise.withResolvers<never>();
    await using site = await buildTestApp({
      batches: {
        commit: () => ended.promise,
        read: async (id) => ({ id, state: 'committing', changedAtMs: 0, members: [] }),
      },
    });
    const headers = { accept: 'text/plain' };
    const answer = await site.app.inject({ method: 'POST', url, query: { wait: '0' }, headers });
    expect(answer.statusCode).toBe(202);
    expect(answer.body).toContain('ask https://repo.example.com/below/api/v1/batches/b\n');
    expect(faultsIn(site)).toEqual([]);
    ended.reject(FAULT);
    await eventually(() => expect(faultsIn(site)).toHaveLength(1));
  });
});
