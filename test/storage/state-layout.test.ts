import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { expect, test } from 'vitest';
import { createStateLayout } from '../../src/storage/state-layout.ts';
import { treeLockFiles } from '../../src/storage/repository-layout.ts';

test('docs/architecture.md draws every path of the state directory, and those of the lock of the tree', async () => {
  const page = await readFile(new URL('../../docs/architecture.md', import.meta.url), 'utf8');
  const drawn = page.split('\n').flatMap((line) => /^<(?:state|top)_dir>.*$/.exec(line) ?? []);
  const { stateDir, ...paths } = createStateLayout('/state');
  const lockPaths = Object.values(treeLockFiles('/top')).map((path) => relative('/top', path));
  for (const path of [...Object.values(paths).map((one) => relative(stateDir, one)), ...lockPaths]) {
    expect(drawn.join('\n')).toMatch(new RegExp(`[/ ]${path.replaceAll('.', '\\.')}(?:[/, ]|$)`, 'm'));
  }
});
