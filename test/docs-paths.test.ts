import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const PATH = /`((?:src|test|bench|scripts|nginx|packaging|selinux|docs)\/[\w./-]+)`/g;

describe('documentation', () => {
  it.each(PAGES)('%s names only paths that are there', (page) => {
    const paths = [...readFileSync(join(ROOT, page), 'utf8').matchAll(PATH)].map(([, path = '']) => path);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('of security names the tests that show its promises', () => {
    const text = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');
    expect(text.match(/`test\/[\w/-]+\.test\.ts`/g)?.length).toBeGreaterThan(50);
  });
});
