import { glob, readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { expect, it } from 'vitest';

const ROOT = new URL('..', import.meta.url);
// Imports of types are nothing when the program runs.
const IMPORTED = [
  /^(?:import|export) (?!type )[^;]*? from '([^'.][^']*)';$/gm,
  /\bimport\('([^'.][^']*)'\)/g,
];

const packageOf = (name: string): string =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');

/** The packages that a file needs to run. */
function packagesIn(code: string): readonly string[] {
  return IMPORTED.flatMap((pattern) => [...code.matchAll(pattern)].map(([, name = '']) => name))
    .filter((name) => !isBuiltin(name))
    .map(packageOf);
}

it('the packages that the program needs are those that are installed with it', async () => {
  const needed = new Set<string>();
  for await (const path of glob('src/**/*.ts', { cwd: ROOT })) {
    for (const name of packagesIn(await readFile(new URL(path, ROOT), 'utf8'))) needed.add(name);
  }
  const { dependencies } = JSON.parse(await readFile(new URL('package.json', ROOT), 'utf8'));
  expect([...needed].toSorted()).toEqual(Object.keys(dependencies).toSorted());
});
