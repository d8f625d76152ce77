import { describe, expect, test } from 'vitest';
import { createOwnedNames } from '../../../src/base/limits/owned-names.ts';

describe('names with a quota', () => {
  test('are refused to an owner that has enough, and not to another', () => {
    const owned = createOwnedNames({ each: 2, together: 10 });
    for (const name of ['a', 'b']) owned.claim(name, 'alice');
    expect(owned.claim('c', 'alice')).toEqual({ by: 'one owner', limit: 2 });
    expect(owned.ownerOf('c')).toBeUndefined();
    expect(owned.claim('c', 'bob')).toBeUndefined();
  });

  test('are refused to every owner when all together have enough', () => {
    const owned = createOwnedNames({ each: 2, together: 3 });
    for (const name of ['a', 'b']) owned.claim(name, 'alice');
    // Of an earlier version, which did not say whose it is.
    owned.note('old', undefined);
    expect(owned.claim('c', 'bob')).toEqual({ by: 'all owners together', limit: 3 });
  });

  test('that are there already may be claimed again, by others too', () => {
    const owned = createOwnedNames({ each: 1, together: 1 });
    owned.claim('a', 'alice');
    expect(owned.claim('a', 'bob')).toBeUndefined();
    expect(owned.ownerOf('a')).toBe('alice');
  });

  test('make room when they go', () => {
    const owned = createOwnedNames({ each: 1, together: 2 });
    owned.claim('a', 'alice');
    owned.release('a');
    owned.release('unknown');
    expect(owned.claim('b', 'alice')).toBeUndefined();
  });

  test('that are too many are all listed, the oldest of each owner before the oldest of all', () => {
    const owned = createOwnedNames({ each: 2, together: 4 });
    owned.note('old', undefined);
    for (const name of ['b1', 'b2']) owned.note(name, 'bob');
    owned.note('a1', 'alice');
    expect(owned.listSurplus()).toEqual([]);
    for (const name of ['a2', 'a3', 'a4']) owned.note(name, 'alice');
    expect(owned.listSurplus()).toEqual(['a1', 'a2', 'old']);
    for (const name of owned.listSurplus()) owned.release(name);
    expect(owned.listSurplus()).toEqual([]);
  });
});
