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

/** The paths that a page names, and the sections that it links to. */
function namedOn(page: string): {
  readonly paths: readonly string[];
  readonly links: readonly { readonly target: string; readonly anchor: string }[];
} {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const links = [...text.matchAll(SECTION_LINK)].map(({ groups }) => ({
    target: groups?.['file'] === undefined ? page : join(dirname(page), groups['file']),
    anchor: groups?.['anchor'] ?? '',
  }));
  return { paths: [...text.matchAll(PATH)].map(([, path = '']) => path), links };
}

describe('documentation', () => {
  it.each(PAGES)('%s names only paths that are there, and links only to sections that are there', (page) => {
    const { paths, links } = namedOn(page);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    expect(links.filter(({ target, anchor }) => !anchorsOf(target).has(anchor))).toEqual([]);
  });

  it('is read for paths and links as it is written', () => {
    const all = PAGES.map(namedOn);
    expect(all.flatMap(({ paths }) => paths).length).toBeGreaterThan(100);
    expect(all.filter(({ paths }) => paths.length > 0).length).toBeGreaterThan(4);
    expect(all.flatMap(({ links }) => links).length).toBeGreaterThan(40);
  });

  it.each(['Promises', 'Threats'])('of security names tests for most of its %s', (chapter) => {
    const text = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');
    const [, section = ''] = text.split(new RegExp(`^## ${chapter}$`, 'm'));
    const rows = section
      .replace(/^## [^]*/m, '')
      .split('\n')
      .filter((line) => /^\| [^-]/.test(line));
    const shown = rows.filter((row) => /`test\/[\w/-]+\.test\.ts`/.test(row));
    // The heads of tables, and what cannot apply or cannot be prevented.
    const unshown = rows.filter((row) => !shown.includes(row) && !/^\| (?:promise|threat) \|/.test(row));
    expect(shown.length).toBeGreaterThan(10);
    expect(unshown.filter((row) => !row.endsWith('| |'))).toEqual([]);
    expect(unshown.length, unshown.join('\n')).toBeLessThan(shown.length / 5);
  });
});
