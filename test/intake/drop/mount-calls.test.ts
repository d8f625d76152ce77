import { describe, expect, it } from 'vitest';
import { createMountCalls } from '../../../src/intake/drop/mount-calls.ts';
import { eventually } from '../../support/eventually.ts';

const NO_ANSWER = { code: 'STORAGE_FAILED', message: '/mnt does not answer within 0.02 s' };

describe('a call to a mount', () => {
  it('gives what it gives, or throws what it throws', async () => {
    const calls = createMountCalls('/mnt', 10_000);
    expect(await calls.within(async () => 'answer')).toBe('answer');
    const error = new Error('EIO');
    await expect(calls.within(() => Promise.reject(error))).rejects.toBe(error);
    expect(await calls.within(async () => 'still')).toBe('still');
  });

  it('that hangs is given up, nothing else is asked until it returns, and what it brings is discarded', async () => {
    const calls = createMountCalls('/mnt', 20);
    const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    const discarded: string[] = [];
    const hung = [first, second].map(({ promise }) =>
      calls.within(
        () => promise,
        async (late) => void discarded.push(late),
      ),
    );
    for (const call of hung) await expect(call).rejects.toMatchObject(NO_ANSWER);
    let asked = 0;
    const ask = (): Promise<number> => calls.within(async () => (asked += 1));
    await expect(ask()).rejects.toMatchObject(NO_ANSWER);
    first.resolve('late');
    await eventually(() => expect(discarded).toEqual(['late']));
    await expect(ask()).rejects.toMatchObject(NO_ANSWER);
    second.reject(new Error('EIO'));
    expect(asked).toBe(0);
    await eventually(async () => expect(await ask()).toBe(1));
    expect(discarded).toEqual(['late']);
  });
});
