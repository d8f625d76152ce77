import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { slugOf } from './support/heading-slug.ts';

const ROOT = join(import.meta.dirname, '..');
const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const PATH = /`((?:src|test|bench|scripts|nginx|packaging|selinux|docs)\/[\w./-]+)`/g;
const SECTION_LINK = /\]\((?<file>[\w./-]+\.md)?#(?<anchor>[^)]+)\)/g;

function anchorsOf(page: string): ReadonlySet<string> {
  const headings = readFileSync(join(ROOT, page), 'utf8').matchAll(/^#{1,6} (?<heading>.+)$/gm);
  return new Set([...headings].map(({ groups }) => slugOf(groups?.['heading'] ?? '')));
}

describe('documentation', () => {
  it.each(PAGES)('%s names only paths that are there', (page) => {
    const paths = [...readFileSync(join(ROOT, page), 'utf8').matchAll(PATH)].map(([, path = '']) => path);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it.each(PAGES)('%s links only to sections that are there', (page) => {
    const links = [...readFileSync(join(ROOT, page), 'utf8').matchAll(SECTION_LINK)].map(({ groups }) => ({
      target: groups?.['file'] === undefined ? page : join(dirname(page), groups['file']),
      anchor: groups?.['anchor'] ?? '',
    }));
    expect(links.filter(({ target, anchor }) => !anchorsOf(target).has(anchor))).toEqual([]);
  });

  it('of security names the tests that show its promises', () => {
    const text = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');
    expect(text.match(/`test\/[\w/-]+\.test\.ts`/g)?.length).toBeGreaterThan(50);
  });
});
