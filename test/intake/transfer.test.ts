import { lstatSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkRoom, createLinkCheck } from '../../src/intake/transfer.ts';
import { createTempDir } from '../support/temp-dir.ts';

const MIB = 1024 * 1024;
const transfer = (copyBytes: number, freeBytes: number | undefined) => () =>
  checkRoom({ linkCount: 0, copyCount: 1, copyBytes, freeBytes }, '/srv/repo/state');

describe('the room for an adoption', () => {
  it.each([
    [10 * MIB, 26 * MIB],
    [0, 0],
    [10 * MIB, undefined],
  ])('is enough for %i bytes with %j free', (copyBytes, freeBytes) => {
    expect(transfer(copyBytes, freeBytes)).not.toThrow();
  });

  it('is not when nothing is left for records and indexes', () => {
    expect(transfer(10 * MIB, 26 * MIB - 1)).toThrow(expect.objectContaining({ code: 'STORAGE_FULL' }));
  });
});

describe('a link', () => {
  it('is possible on one mount, for a directory that is still to be made', async () => {
    await using dir = await createTempDir();
    const isLinkable = createLinkCheck(`${dir.path}/site/state`);
    const stats = lstatSync(dir.path, { bigint: true });
    expect(isLinkable(`${dir.path}/x`, stats)).toBe(true);
  });

  it('is not possible from another file system', async () => {
    await using dir = await createTempDir();
    expect(createLinkCheck(dir.path)('/proc/version', lstatSync('/proc/version', { bigint: true }))).toBe(
      false,
    );
  });
});
