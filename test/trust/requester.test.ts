import { expect, it } from 'vitest';
import { ANONYMOUS, nameOwner } from '../../src/trust/requester.ts';

it('an anonymous client owns what it left on the server of an earlier version', () => {
  // Files `owner` of batches and of resumable uploads hold it.
  expect(nameOwner(ANONYMOUS)).toBe('anybody ');
});
