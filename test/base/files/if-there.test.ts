import { readFile, readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ifThere } from '../../../src/base/files/if-there.ts';

test('a name that is not there answers undefined', async () => {
  expect(await ifThere(readFile('/proc/self/no-such-file', 'utf8'))).toBeUndefined();
});

test('any other fault is thrown, and an answer is passed on', async () => {
  await expect(ifThere(readdir('/proc/self/stat'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  expect(await ifThere(readFile('/proc/self/comm', 'utf8'))).not.toBe('');
});
