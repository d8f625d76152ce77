import { SaxesParser } from 'saxes';
import { describe, expect, it } from 'vitest';
import { readListingOrder } from '../../../src/http/repo/listing-order.ts';
import {
  renderListingEnd,
  renderListingRows,
  renderListingTop,
} from '../../../src/http/repo/render-listing.ts';
import type { ListedEntry } from '../../../src/http/repo/repository-files.ts';

const MODIFIED_MS = Date.UTC(2025, 0, 31, 23, 59, 30);

const file = (name: string, sizeBytes = 1): ListedEntry => ({
  name,
  isDirectory: false,
  sizeBytes,
  modifiedMs: MODIFIED_MS,
});

const directory = (name: string): ListedEntry => ({ ...file(name, 4096), isDirectory: true });

const renderListing = (urlPath: string, entries: readonly ListedEntry[], query = ''): string =>
  renderListingTop(urlPath, entries, readListingOrder(query)) +
  renderListingRows(entries) +
  renderListingEnd();

interface Page {
  /** Names of the elements. */
  readonly elements: readonly string[];
  /** Where its links lead to, but for those that sort. */
  readonly hrefs: readonly string[];
  readonly sortLinks: readonly string[];
  /** All text between tags. */
  readonly text: string;
}

/** Reads a page of ours, which is well-formed but for its void elements. */
function read(html: string): Page {
  const elements: string[] = [];
  const hrefs: string[] = [];
  const sortLinks: string[] = [];
  let text = '';
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    elements.push(name);
    const href = attributes['href'];
    if (href?.startsWith('?') === true) sortLinks.push(href);
    else if (href !== undefined) hrefs.push(href);
  });
  parser.on('text', (piece) => {
    text += piece;
  });
  const wellFormed = html
    .replace('<!doctype html>', '')
    .replaceAll(/<meta [^>]*>/g, '')
    .trim();
  parser.write(wellFormed).close();
  return { elements, hrefs, sortLinks, text };
}

const HOSTILE = [
  '<script>alert(1)</script>.rpm',
  '"onmouseover="alert(1)',
  "'onmouseover='alert(1)",
  '&lt;b&gt;&amp;',
  'javascript:alert(1)',
  'a?b=c#d%41',
  'a\\b',
  '--><!--',
  ' leading and trailing ',
  'new\nline',
  'ünïcødé 日本',
  '__proto__',
];

describe('a listing', () => {
  it.each(HOSTILE)('shows the name %j as text and links to it as a path', (name) => {
    for (const entry of [file(name), directory(name)]) {
      const html = renderListing('/repo/9/', [entry]);
      const { elements, hrefs, text } = read(html);
      expect(elements).not.toContain('script');
      expect(elements.filter((element) => element === 'a')).toHaveLength(6);
      expect(text).toContain(name);
      const href = hrefs.at(-1) ?? '';
      const url = new URL(href, 'http://host/repo/9/');
      expect(url.origin).toBe('http://host');
      const suffix = entry.isDirectory ? '/' : '';
      expect(decodeURIComponent(url.pathname)).toBe(`/repo/9/${name}${suffix}`);
      expect(url.search + url.hash).toBe('');
    }
  });

  it.each(HOSTILE.filter((name) => !name.includes('/')))('shows %j in its path as text', (name) => {
    const { elements, text } = read(renderListing(`/repo/${name}/`, []));
    expect(elements).not.toContain('script');
    expect(text).toContain(name);
  });

  it('needs no script and no resource', () => {
    const html = renderListing('/repo/9/', [file('a.rpm')]);
    expect(html).not.toMatch(/<(?:script|img|link|iframe)|\son\w+=|src=|url\(/);
  });

  it('leads from each part of the path upwards', () => {
    const html = renderListing('/repo/9/x86_64/Packages/', []);
    const links = read(html).hrefs.map(
      (href) => new URL(href, 'http://host/repo/9/x86_64/Packages/').pathname,
    );
    expect(links).toEqual(['/repo/', '/repo/9/', '/repo/9/x86_64/', '/repo/9/x86_64/']);
  });

  it('leads no further up than the top', () => {
    expect(read(renderListing('/repo/', [directory('9')])).hrefs).toEqual(['./9/']);
  });

  it('says how to begin when there is no repository yet', () => {
    expect(read(renderListing('/repo/', [])).text).toContain('curl -T');
    expect(read(renderListing('/repo/', [file('rpmyard.repo')])).text).toContain('curl -T');
    expect(read(renderListing('/repo/', [directory('9')])).text).not.toContain('curl -T');
    expect(read(renderListing('/repo/9/', [])).text).not.toContain('curl -T');
  });

  it.each([
    [0, '0 B'],
    [1, '1 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [1024 ** 2, '1.0 MiB'],
    [10 * 1024 ** 3, '10.0 GiB'],
    [3 * 1024 ** 5, '3072.0 TiB'],
  ])('shows %i bytes as %s', (sizeBytes, shown) => {
    expect(read(renderListing('/repo/9/', [file('a', sizeBytes)])).text).toContain(shown);
  });

  it('shows the time in UTC, and no size for a directory', () => {
    const { text } = read(renderListing('/repo/9/', [directory('d')]));
    expect(text).toContain('2025-01-31 23:59');
    expect(text).not.toContain('KiB');
  });

  it('sorts by each column, and the other way round by the one that it is sorted by', () => {
    const by = (query: string) => read(renderListing('/repo/9/', [file('a')], query)).sortLinks;
    expect(by('')).toEqual([
      '?sort=name&order=descending',
      '?sort=size&order=ascending',
      '?sort=modified&order=ascending',
    ]);
    expect(by('?sort=size')[1]).toBe('?sort=size&order=descending');
    expect(by('?sort=size&order=descending')[1]).toBe('?sort=size&order=ascending');
    expect(by('?sort=<script>&order=x')).toEqual(by(''));
  });
});
