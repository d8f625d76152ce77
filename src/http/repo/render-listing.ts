import type { ListingColumn, ListingOrder } from './listing-order.ts';
import type { ListedEntry } from './repository-files.ts';

/** The beginning of a directory's page, which needs no script: the path, and columns that sort by link. */
export function renderListingTop(
  urlPath: string,
  entries: readonly ListedEntry[],
  order: ListingOrder,
): string {
  const title = `Index of ${urlPath}`;
  const isEmptyTree = urlPath === '/repo/' && !entries.some(({ isDirectory }) => isDirectory);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body><h1>${breadcrumbs(urlPath)}</h1>
${isEmptyTree ? EMPTY_TREE : ''}
<table><thead><tr>${column('name', order)}${column('size', order)}${column('modified', order)}</tr></thead>
<tbody>${urlPath === '/repo/' ? '' : row({ href: '../', label: '..', size: '', modified: '' })}`;
}

export function renderListingRows(entries: readonly ListedEntry[]): string {
  return entries.map(entryRow).join('');
}

export function renderListingEnd(): string {
  return `</tbody></table>
<footer>Rpmyard</footer></body></html>
`;
}

const LABELS: Readonly<Record<ListingColumn, string>> = {
  name: 'Name',
  size: 'Size',
  modified: 'Modified (UTC)',
};

/** The head of a column: a link that sorts by it, the other way round when the page is in its order. */
function column(name: ListingColumn, order: ListingOrder): string {
  const isSorted = name === order.column;
  const next = isSorted && order.direction === 'ascending' ? 'descending' : 'ascending';
  const mark = order.direction === 'ascending' ? ' ↑' : ' ↓';
  const attributes = `${name === 'name' ? '' : ' class="n"'}${isSorted ? ` aria-sort="${order.direction}"` : ''}`;
  // A program that follows links to fetch a tree has no use for the same listing in another order.
  return `<th${attributes}><a rel="nofollow" href="?sort=${name}&amp;order=${next}">${LABELS[name]}</a>${isSorted ? mark : ''}</th>`;
}

const EMPTY_TREE =
  '<p>No repository yet. Upload a package: <code>curl -T pkg.rpm &lt;this server&gt;/upload</code></p>';

const STYLE = `
:root{color-scheme:light dark;--line:light-dark(#d8dee4,#30363d);--faint:light-dark(#57606a,#8b949e);--link:light-dark(#0550ae,#79c0ff)}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.25rem;font-weight:600;overflow-wrap:anywhere}
a{color:var(--link);text-decoration:none}a:hover,a:focus{text-decoration:underline}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
th{font-weight:600;color:var(--faint);white-space:nowrap}.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
td.n{color:var(--faint)}footer{margin-top:2rem;color:var(--faint);font-size:.85rem}
@media(max-width:34rem){th:nth-child(3),td:nth-child(3){display:none}}
`;

function breadcrumbs(urlPath: string): string {
  const segments = urlPath.split('/').filter((segment) => segment !== '');
  return segments
    .map((segment, index) => {
      const label = escapeHtml(segment);
      if (index === segments.length - 1) return label;
      return `<a href="${'../'.repeat(segments.length - 1 - index)}">${label}</a>`;
    })
    .join(' / ');
}

function entryRow({ name, isDirectory, sizeBytes, modifiedMs }: ListedEntry): string {
  const suffix = isDirectory ? '/' : '';
  return row({
    // A leading "./" keeps a name with a colon from being read as a URL with a scheme.
    href: `./${encodeURIComponent(name)}${suffix}`,
    label: `${name}${suffix}`,
    size: isDirectory ? '' : formatSize(sizeBytes),
    modified: new Date(modifiedMs).toISOString().slice(0, 16).replace('T', ' '),
  });
}

function row(cells: { href: string; label: string; size: string; modified: string }): string {
  return `<tr><td><a href="${escapeHtml(cells.href)}">${escapeHtml(cells.label)}</a></td><td class="n">${cells.size}</td><td class="n">${cells.modified}</td></tr>\n`;
}

function formatSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes === 0 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const amount = bytes / 1024 ** power;
  return `${power === 0 ? amount : amount.toFixed(1)} ${units[power]}`;
}

const ENTITIES = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&#39;'],
]);

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES.get(char) ?? char);
}
