import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../src', import.meta.url));
const EXPORTED = /^export (?:async )?(?:function|class|interface|type) (?<name>\w+)/gm;

const repeated = (names: readonly string[]): readonly string[] =>
  names.filter((name, index) => names.indexOf(name) !== index);

async function readSource(): Promise<readonly { readonly path: string; readonly text: string }[]> {
  const paths = (await readdir(SRC, { recursive: true })).filter((path) => path.endsWith('.ts'));
  return Promise.all(paths.map(async (path) => ({ path, text: await readFile(join(SRC, path), 'utf8') })));
}

test('no two files, exported functions or exported types of the source have one name', async () => {
  const files = await readSource();
  const exported = files.flatMap(({ text }) =>
    [...text.matchAll(EXPORTED)].map(({ groups }) => groups?.['name'] ?? ''),
  );
  expect(exported.length).toBeGreaterThan(files.length / 2);
  expect(repeated(files.map(({ path }) => basename(path)))).toEqual([]);
  expect(repeated(exported)).toEqual([]);
});
