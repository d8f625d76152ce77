import { isUtf8 } from 'node:buffer';

/** What identifies a package in primary, filelists or other, and whether readers can take it. */
export interface ScannedPackage {
  /** The package file's digest. */
  readonly pkgid: string;
  /** Only primary has it: path below the repository's directory. */
  readonly location: string | undefined;
  /**
   * False when the element holds a character that XML 1.0 forbids, which makes readers refuse the whole file, or is too
   * large for anybody's memory.
   */
  readonly isReadable: boolean;
  /** The element as it stands, from `<package` to `</package>`. */
  readonly element: Uint8Array;
}

// On bytes read as Latin-1: what XML 1.0 does not count as Char (production 2) though it is valid UTF-8, which are
// control characters, U+FFFE and U+FFFF; references to such characters (&#0; to &#31; but 9, 10, 13) are no better.
const FORBIDDEN =
  // oxlint-disable-next-line no-control-regex -- finding them is the purpose
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f]|\u00ef\u00bf[\u00be\u00bf]|&#(?:0*(?:[0-8]|1[124-9]|2\d|3[01])|x0*(?:[0-8bcef]|1[0-9a-f]|d[89a-f][0-9a-f]{2}|fff[ef]));/i;

const START = '<package';
const END = '</package>';

// libxml2 refuses a longer attribute or text, and with it the whole file (XML_MAX_TEXT_LENGTH in parserInternals.h).
const MAX_TEXT_BYTES = 10_000_000;

// The largest real file lists take some 20 MB.
const MAX_PACKAGE_BYTES = 128 * 1024 * 1024;

// What is collected while no package ends.
const MAX_COLLECTED_BYTES = 8 * MAX_PACKAGE_BYTES;

/**
 * Reads packages from metadata written by createrepo_c while it arrives in pieces. It looks for tags and escapes
 * nothing, which is sound for that writer (libxml2 escapes every `<` in text and writes neither comments nor CDATA)
 * and takes a tenth of the time of a general parser on 160 MB.
 */
export class PackageScanner {
  // What has come of a package whose end has not; joined only then, however many pieces it takes.
  #pieces: Uint8Array[] = [];
  #collectedBytes = 0;
  #tail: Uint8Array = new Uint8Array();

  /** Gives the packages that this piece completes. @throws Error when no package ends for gigabytes. */
  push(piece: Uint8Array): readonly ScannedPackage[] {
    this.#pieces.push(piece);
    this.#collectedBytes += piece.length;
    if (this.#collectedBytes > MAX_COLLECTED_BYTES) throw new Error('a package has no end');
    // The end may lie across the border of two pieces.
    const seam = Buffer.concat([this.#tail, piece]);
    this.#tail = seam.subarray(Math.max(0, seam.length - END.length + 1));
    if (!seam.includes(END)) return [];

    const bytes = Buffer.concat(this.#pieces);
    const packages: ScannedPackage[] = [];
    let start = 0;
    for (let end = bytes.indexOf(END); end !== -1; end = bytes.indexOf(END, start)) {
      packages.push(scanPackage(bytes.subarray(start, end + END.length)));
      start = end + END.length;
    }
    const rest = bytes.subarray(start);
    this.#pieces = [rest];
    this.#collectedBytes = rest.length;
    this.#tail = rest.subarray(Math.max(0, rest.length - END.length + 1));
    return packages;
  }
}

function scanPackage(bytes: Buffer): ScannedPackage {
  const isScannable = bytes.length <= MAX_PACKAGE_BYTES;
  const element = bytes.toString('latin1', 0, MAX_PACKAGE_BYTES);
  const pkgid =
    /<checksum type="[a-z0-9]+" pkgid="YES">(?<hex>[0-9a-f]+)</.exec(element)?.groups?.['hex'] ??
    /<package pkgid="(?<hex>[0-9a-f]+)"/.exec(element)?.groups?.['hex'] ??
    '';
  const href = /<location [^>]*?href="(?<href>[^"]*)"/.exec(element)?.groups?.['href'];
  return {
    pkgid,
    location: href === undefined ? undefined : unescapeAttribute(Buffer.from(href, 'latin1').toString()),
    isReadable: isScannable && isUtf8(bytes) && !FORBIDDEN.test(element) && !hasHugeText(element),
    // Before the first one stand the opening tags of the file.
    element: bytes.subarray(Math.max(0, bytes.indexOf(START))),
  };
}

/** An attribute or text lies between one `<` and the next. */
function hasHugeText(element: string): boolean {
  if (element.length <= MAX_TEXT_BYTES) return false;
  for (let start = 0; start !== -1; ) {
    const next = element.indexOf('<', start + 1);
    if ((next === -1 ? element.length : next) - start > MAX_TEXT_BYTES) return true;
    start = next;
  }
  return false;
}

const ENTITIES = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

function unescapeAttribute(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return ENTITIES.get(name) ?? whole;
  });
}
