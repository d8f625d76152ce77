import { expect, it } from 'vitest';
import { createLongWork } from '../../../src/base/turns/long-work.ts';

it('of all pieces that wait one is done a turn of the event loop, and other work comes between', async () => {
  const { piece } = createLongWork();
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const doneAt = await Promise.all(Array.from({ length: 50 }, () => piece(() => turns)));
  isOver = true;
  expect(new Set(doneAt).size).toBe(50);
});

it('a piece that fails keeps no other from its turn', async () => {
  const { piece } = createLongWork();
  const failing = piece(() => {
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(await piece(() => 1)).toBe(1);
});
