const UNIT_BYTES = new Map([
  ['B', 1],
  ['KIB', 1024],
  ['MIB', 1024 ** 2],
  ['GIB', 1024 ** 3],
  ['TIB', 1024 ** 4],
]);

/** True for a size such as `10 GiB`, `500 MiB` or `4096` (bytes). */
export function isByteSize(text: string): boolean {
  return !Number.isNaN(parseByteSize(text));
}

/** Bytes of a size such as `10 GiB`; NaN for anything that is not one. */
export function parseByteSize(text: string): number {
  const match = /^\s*(?<amount>\d+(?:\.\d+)?)\s*(?<unit>[KMGT]iB|B)?\s*$/i.exec(text);
  const unitBytes = UNIT_BYTES.get((match?.groups?.['unit'] ?? 'B').toUpperCase());
  return match === null || unitBytes === undefined
    ? Number.NaN
    : Math.floor(Number(match.groups?.['amount']) * unitBytes);
}
