import { expect, test } from 'vitest';
import { isInside } from '../../../src/base/files/is-inside.ts';

test.each([
  ['/srv/rpm', '/srv/rpm', true],
  ['/srv/rpm/9', '/srv/rpm', true],
  ['/srv/rpm/..9', '/srv/rpm', true],
  ['/srv/rpm', '/', true],
  ['/srv/rpms', '/srv/rpm', false],
  ['/srv', '/srv/rpm', false],
])('%s is in %s: %s', (path, directory, expected) => {
  expect(isInside(path, directory)).toBe(expected);
});
