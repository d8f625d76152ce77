import { describe, expect, test } from 'vitest';
import { createOwnerTurns, type OwnerTurns } from '../../../src/indexing/schedule/owner-turns.ts';

const NEVER = new AbortController().signal;

/** Has each wait for a turn, as `owner number`, and tells in which order they had it. */
async function orderOf(turns: OwnerTurns, names: readonly string[]): Promise<readonly string[]> {
  const order: string[] = [];
  const all = names.map(async (name) => {
    using _ = await turns.take(name.split(' ')[0] ?? '', NEVER);
    order.push(name);
  });
  await Promise.all(all);
  return order;
}

describe('turns of owners', () => {
  test('are had one after the other, in the order of coming within an owner', async () => {
    const turns = createOwnerTurns();
    let going = 0;
    const all = Array.from({ length: 5 }, async () => {
      using _ = await turns.take('a', NEVER);
      going += 1;
      expect(going).toBe(1);
      await Promise.resolve();
      going -= 1;
    });
    await Promise.all(all);
    expect(await orderOf(turns, ['a 1', 'a 2', 'a 3'])).toEqual(['a 1', 'a 2', 'a 3']);
  });

  test('go to another owner than the last where one waits', async () => {
    const names = ['a 1', 'a 2', 'a 3', 'b 1', 'b 2', 'c 1'];
    expect(await orderOf(createOwnerTurns(), names)).toEqual(['a 1', 'b 1', 'c 1', 'a 2', 'b 2', 'a 3']);
  });

  test('come after one turn of each other owner, also for an owner that comes again at once', async () => {
    const turns = createOwnerTurns();
    const order: string[] = [];
    const haveTurn = async (owner: string): Promise<void> => {
      using _ = await turns.take(owner, NEVER);
      order.push(owner);
    };
    const twice = (owner: string): Promise<void> => haveTurn(owner).then(() => haveTurn(owner));
    await Promise.all([...Array.from({ length: 4 }, () => haveTurn('many')), twice('a'), twice('b')]);
    expect(order).toEqual(['many', 'a', 'b', 'many', 'a', 'b', 'many', 'many']);
  });

  test('are left at once by a signal, and passed on when what had one fails', async () => {
    const turns = createOwnerTurns();
    const leaving = new AbortController();
    const first = await turns.take('a', NEVER);
    const left = turns.take('b', leaving.signal);
    const after = turns.take('b', NEVER);
    leaving.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    await expect(turns.take('a', leaving.signal)).rejects.toThrow('left');
    first[Symbol.dispose]();
    (await after)[Symbol.dispose]();
    const failing = async (): Promise<void> => {
      using _ = await turns.take('a', NEVER);
      throw new Error('failed');
    };
    await expect(failing()).rejects.toThrow('failed');
    expect(await orderOf(turns, ['a 1'])).toEqual(['a 1']);
  });
});
