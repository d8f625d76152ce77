import { describe, expect, test } from 'vitest';
import { createOwnedNames, type OwnedNames } from '../src/owned-names.ts';
import { appErrorOf } from './support/app-error.ts';

function names(each: number, together: number): OwnedNames {
  return createOwnedNames({
    name: 'stagedBatches',
    quota: { each, together },
    what: 'things',
    hint: 'Fewer.',
  });
}

describe('names with a quota', () => {
  test('are refused to an owner that has enough, and not to another', () => {
    const owned = names(2, 10);
    for (const name of ['a', 'b']) owned.claim(name, 'alice');
    expect(appErrorOf(() => owned.claim('c', 'alice'))).toMatchObject({
      code: 'QUOTA_REACHED',
      statusCode: 429,
      details: { quota: 'stagedBatches', limit: 2 },
    });
    expect(() => owned.claim('c', 'bob')).not.toThrow();
  });

  test('are refused to everybody when all owners together have enough', () => {
    const owned = names(2, 3);
    for (const name of ['a', 'b']) owned.claim(name, 'alice');
    // Of an earlier version, which did not say whose it is.
    owned.note('old', undefined);
    expect(appErrorOf(() => owned.claim('c', 'bob'))).toMatchObject({ details: { limit: 3 } });
  });

  test('that are there already may be claimed again, by others too', () => {
    const owned = names(1, 1);
    owned.claim('a', 'alice');
    owned.claim('a', 'bob');
    expect(owned.ownerOf('a')).toBe('alice');
  });

  test('make room when they go', () => {
    const owned = names(1, 2);
    owned.claim('a', 'alice');
    owned.release('a');
    owned.release('unknown');
    expect(() => owned.claim('b', 'alice')).not.toThrow();
  });

  test('that are too many are found, the oldest first, of the owner before others', () => {
    const owned = names(2, 4);
    for (const name of ['b1', 'b2']) owned.note(name, 'bob');
    for (const name of ['a1', 'a2']) owned.note(name, 'alice');
    expect(owned.findSurplus('alice')).toBeUndefined();
    owned.note('a3', 'alice');
    expect(owned.findSurplus('alice')).toBe('a1');
    owned.release('a1');
    expect(owned.findSurplus('alice')).toBeUndefined();
    owned.note('c1', 'carol');
    expect(owned.findSurplus('carol')).toBe('b1');
  });
});
