/** Bytes of a file; `end` is the first one behind it. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

// The limit of nginx, which reads a signed number of 64 bits.
const LARGEST = '9223372036854775807';
const ONE_RANGE = /^ *(?:(?<start>\d+) *- *(?<end>\d*)|-(?<suffix>\d+)) *$/;

/**
 * The ranges of a Range header, behind `bytes=`, as nginx reads them (`ngx_http_range_parse`).
 * @returns `outside` when none of them lies in the file, or one cannot be read; `whole` when they add up to more than the file,
 * which is then sent as it is: a client would make the service send a file many times over.
 */
export function readRanges(list: string, sizeBytes: number): readonly ByteRange[] | 'outside' | 'whole' {
  const ranges: ByteRange[] = [];
  let bytes = 0;
  for (const text of list.split(',')) {
    const range = readRange(text, sizeBytes);
    if (range === undefined) return 'outside';
    if (range.start >= range.end) {
      if (range.start === 0) return 'whole';
      continue;
    }
    bytes += range.end - range.start;
    ranges.push(range);
  }
  if (ranges.length === 0) return 'outside';
  return bytes > sizeBytes ? 'whole' : ranges;
}

function readRange(text: string, sizeBytes: number): ByteRange | undefined {
  const { start, end, suffix } = ONE_RANGE.exec(text)?.groups ?? {};
  if ((start ?? suffix) === undefined || [start, end, suffix].some(isTooLarge)) return undefined;
  if (suffix !== undefined) return { start: Math.max(0, sizeBytes - Number(suffix)), end: sizeBytes };
  return { start: Number(start), end: end === '' ? sizeBytes : Math.min(Number(end) + 1, sizeBytes) };
}

function isTooLarge(digits = ''): boolean {
  const plain = digits.replace(/^0+/, '');
  return plain.length > LARGEST.length || (plain.length === LARGEST.length && plain > LARGEST);
}
