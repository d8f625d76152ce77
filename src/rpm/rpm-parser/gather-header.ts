import { type HeaderExtent, measureHeader } from './measure-header.ts';
import { RpmParseError } from './rpm-parse-error.ts';

// Most headers fit, and a small package is then read with one call.
const FIRST_READ_BYTES = 64 * 1024;

/**
 * Reads as much of a package as its header needs, in a few growing steps.
 * @param readStart gives the first `lengthBytes` of the file, or what there is of them.
 * @throws RpmParseError as measureHeader does, TRUNCATED also when the file became shorter, and what `readStart` throws.
 */
export function gatherHeader(
  fileSizeBytes: number,
  readStart: (lengthBytes: number) => Uint8Array,
): { readonly bytes: Uint8Array; readonly extent: Extract<HeaderExtent, { isComplete: true }> } {
  let neededBytes = Math.min(FIRST_READ_BYTES, fileSizeBytes);
  for (;;) {
    const bytes = readStart(neededBytes);
    if (bytes.length < neededBytes) {
      const expected = `expected at least ${neededBytes} bytes`;
      throw new RpmParseError('TRUNCATED', `${expected}, the file ends at ${bytes.length}`, bytes.length);
    }
    const extent = measureHeader(bytes, fileSizeBytes);
    if (extent.isComplete) return { bytes, extent };
    // measureHeader asks for bytes inside the file only, and for more than it was given.
    neededBytes = extent.neededBytes;
  }
}
