const UNITS = new Map([
  ['', 1],
  ['k', 1024],
  ['m', 1024 * 1024],
]);

/** `10k`, `10m` or a number of bytes. @throws when it is none of them. */
export function parseSize(text: string): number {
  const { number, unit = '' } = /^(?<number>\d+)(?<unit>[km]?)$/.exec(text)?.groups ?? {};
  const bytes = Number(number) * (UNITS.get(unit) ?? Number.NaN);
  if (Number.isInteger(bytes)) return bytes;
  throw new Error(`a size is a number with k or m behind it, found "${text}"`);
}

/** The shortest text that `parseSize` reads as this size. */
export function formatSize(bytes: number): string {
  for (const [unit, factor] of [...UNITS].toReversed()) {
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return String(bytes);
}
