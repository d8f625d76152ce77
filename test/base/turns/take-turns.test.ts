import { describe, expect, it } from 'vitest';
import { createTurns } from '../../../src/base/turns/take-turns.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('tasks that take turns', () => {
  it('run one after the other when they have the same key', async () => {
    const takeTurns = createTurns();
    const events: string[] = [];
    const task = (name: string) => async (): Promise<string> => {
      events.push(`${name} begins`);
      await turn();
      events.push(`${name} ends`);
      return name;
    };
    const results = await Promise.all(['a', 'b', 'c'].map((name) => takeTurns('key', task(name))));
    expect(results).toEqual(['a', 'b', 'c']);
    expect(events).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('do not wait for those with another key', async () => {
    const takeTurns = createTurns();
    const blocked = takeTurns('a', () => new Promise<never>(() => undefined));
    expect(blocked).toBeInstanceOf(Promise);
    expect(await takeTurns('b', async () => 'done')).toBe('done');
  });

  it('go on after one that failed, which alone gets its failure', async () => {
    const takeTurns = createTurns();
    const failed = takeTurns('key', async () => Promise.reject(new Error('mine')));
    const next = takeTurns('key', async () => 'fine');
    await expect(failed).rejects.toThrow('mine');
    expect(await next).toBe('fine');
  });

  it.each(['__proto__', 'constructor', ''])('have a turn of their own under the key %j', async (key) => {
    expect(await createTurns()(key, async () => 1)).toBe(1);
  });
});
