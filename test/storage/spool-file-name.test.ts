import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { newProbeName, spoolFileKind, streamFileName } from '../../src/storage/spool-file-name.ts';

test('the names of each writer are known again', () => {
  expect(spoolFileKind('0000000042')).toBe('nginx');
  expect(spoolFileKind(streamFileName(randomUUID()))).toBe('stream');
  expect(spoolFileKind(newProbeName())).toBe('probe');
});

test.each(['000000042', '00000000042', 'notes.part', '.probe-1', 'README', `${newProbeName()}.bak`])(
  '%s is the name of none of them',
  (name) => {
    expect(spoolFileKind(name)).toBeUndefined();
  },
);
