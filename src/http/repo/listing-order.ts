import type { ListedEntry } from './repository-files.ts';

const COLUMNS = ['name', 'size', 'modified'] as const;
export type ListingColumn = (typeof COLUMNS)[number];

export interface ListingOrder {
  readonly column: ListingColumn;
  readonly direction: 'ascending' | 'descending';
}

/** Reads `?sort=size&order=descending`; a missing or wrong value means by name, ascending. */
export function readListingOrder(query: string): ListingOrder {
  const given = new URLSearchParams(query);
  const column = COLUMNS.find((name) => name === given.get('sort')) ?? 'name';
  return { column, direction: given.get('order') === 'descending' ? 'descending' : 'ascending' };
}

/** Directories come first; equal sizes and times are in order of name. */
export function compareListed({
  column,
  direction,
}: ListingOrder): (a: ListedEntry, b: ListedEntry) => number {
  const sign = direction === 'ascending' ? 1 : -1;
  return (a, b) =>
    Number(b.isDirectory) - Number(a.isDirectory) ||
    sign * compareBy(column, a, b) ||
    sign * compareNames(a, b);
}

function compareBy(column: ListingColumn, a: ListedEntry, b: ListedEntry): number {
  if (column === 'name') return 0;
  return column === 'size' ? a.sizeBytes - b.sizeBytes : a.modifiedMs - b.modifiedMs;
}

function compareNames(a: ListedEntry, b: ListedEntry): number {
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}
