import { describe, expect, test } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { type BodyRoom, createBodyRoom } from '../../src/intake/body-room.ts';
import { appErrorOf } from '../support/app-error.ts';

/** A disk of so many bytes beyond the reserve, which counts what was written, and how often it was looked at. */
function disk(spareBytes: number): {
  readonly room: BodyRoom;
  readonly looks: () => number;
  readonly use: (sizeBytes: number) => void;
  readonly pass: (ms: number) => void;
} {
  let [spare, looks, nowMs] = [spareBytes, 0, 0];
  const demandReserve = (comingBytes: number): void => {
    looks += 1;
    if (comingBytes > spare) throw new AppError('STORAGE_FULL', 'full', { hint: '' });
  };
  return {
    room: createBodyRoom({ demandReserve, spareBytes: () => spare, nowMs: () => nowMs }),
    looks: () => looks,
    use: (sizeBytes) => {
      spare -= sizeBytes;
    },
    pass: (ms) => {
      nowMs += ms;
    },
  };
}

describe('the room for bodies', () => {
  test('is refused to a body that would not fit, before any of it is taken', () => {
    const { room } = disk(100);
    expect(() => room.demandRoom(100)).not.toThrow();
    expect(appErrorOf(() => room.demandRoom(101))).toMatchObject({ code: 'STORAGE_FULL' });
  });

  test('is shared by writes that the file system does not count yet', async () => {
    const { room, use } = disk(100);
    const mayEnd = Promise.withResolvers<void>();
    const writes = [60, 40].map((bytes) =>
      room.write(bytes, async () => {
        await mayEnd.promise;
        use(bytes);
      }),
    );
    await expect(room.write(1, async () => undefined)).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    mayEnd.resolve();
    await Promise.all(writes);
    await expect(room.write(1, async () => undefined)).rejects.toMatchObject({ code: 'STORAGE_FULL' });
  });

  test('is there for the next write after one that failed', async () => {
    const { room } = disk(100);
    await expect(room.write(100, () => Promise.reject(new Error('EIO')))).rejects.toThrow('EIO');
    expect(await room.write(100, async () => 'written')).toBe('written');
  });

  test('is looked at once a second, however much is written, and when it seems used up', async () => {
    const { room, looks, use, pass } = disk(1000);
    for (let count = 0; count < 10; count += 1) await room.write(50, async () => use(50));
    expect(looks()).toBe(1);
    pass(1000);
    await room.write(50, async () => use(50));
    expect(looks()).toBe(2);
    // Room came meanwhile.
    use(-2000);
    await room.write(1500, async () => use(1500));
    expect(looks()).toBe(3);
  });

  test('does not last longer than a second when others use it up', async () => {
    const { room, use, pass } = disk(1000);
    room.demandRoom(1000);
    use(1000);
    pass(1000);
    await expect(room.write(1, async () => undefined)).rejects.toMatchObject({ code: 'STORAGE_FULL' });
  });
});
