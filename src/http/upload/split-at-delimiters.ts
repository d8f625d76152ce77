import { setImmediate } from 'node:timers/promises';

const CARRIAGE_RETURN = 0x0d;
const LINE_END = Buffer.from('\r\n');

/**
 * A form's bytes, in pieces that end with a delimiter at the latest: so the parser gets one part in a turn of the event
 * loop, even when a chunk of the body holds many. A line end goes before the first byte, so that a delimiter there is
 * one like the others (RFC 2046, section 5.1.1). An empty body has no pieces.
 * @throws Error when there are more than `maxDelimiters`, as soon as this shows.
 */
export async function* splitAtDelimiters(
  body: AsyncIterable<Buffer>,
  boundary: string,
  maxDelimiters: number,
): AsyncGenerator<Buffer> {
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  let held: Buffer = LINE_END;
  let isEmpty = true;
  let found = 0;
  for await (const chunk of body) {
    isEmpty = false;
    // Almost always nothing is held, and a large file is not copied here.
    let rest = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    for (let at = rest.indexOf(delimiter); at !== -1; at = rest.indexOf(delimiter)) {
      found += 1;
      if (found > maxDelimiters) throw new Error(`it has more than ${maxDelimiters} delimiters`);
      const end = at + delimiter.length;
      yield rest.subarray(0, end);
      rest = rest.subarray(end);
      await setImmediate();
    }
    const splitAt = rest.length - beginningBytes(rest, delimiter);
    if (splitAt > 0) yield rest.subarray(0, splitAt);
    held = rest.subarray(splitAt);
  }
  if (!isEmpty && held.length > 0) yield held;
}

/** How many bytes at the end may be the beginning of a delimiter. A boundary holds no line end, so only the last can. */
function beginningBytes(bytes: Buffer, delimiter: Buffer): number {
  const tail = bytes.subarray(-(delimiter.length - 1));
  const at = tail.lastIndexOf(CARRIAGE_RETURN);
  if (at === -1) return 0;
  const beginning = tail.subarray(at);
  return delimiter.subarray(0, beginning.length).equals(beginning) ? beginning.length : 0;
}
