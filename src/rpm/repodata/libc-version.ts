/** Every version of the C library brings all versions before it. Source: createrepo_c, src/parsehdr.c (libc.so filtering). */
export const LIBC_PREFIX = 'libc.so.6';

/** The version that a requirement on the C library asks for, `2.34` in `libc.so.6(GLIBC_2.34)(64bit)`. */
export interface LibcVersion {
  /** How far the name comes towards a version; only the highest rank has pieces. */
  readonly rank: number;
  /** Runs of digits without leading zeros, runs of ASCII letters, `~` and `^`. */
  readonly pieces: readonly string[];
}

/**
 * Reads a version once, so that comparing a short name with a huge one costs no more than the short one does.
 * A name without parentheses, without a closing one, with nothing or with no digit between them is older than any with a
 * version, in this order.
 * Source: createrepo_c, src/parsehdr.c, cr_compare_dependency; rpm, rpmio/rpmvercmp.c, rpmvercmp (the pieces).
 */
export function libcVersion(name: string): LibcVersion {
  const open = name.indexOf('(');
  if (open === -1) return { rank: 0, pieces: [] };
  const close = name.indexOf(')', open);
  if (close === -1) return { rank: 1, pieces: [] };
  if (close === open + 1) return { rank: 2, pieces: [] };
  const version = name.slice(open, close).replace(/^\D+/, '');
  if (version === '') return { rank: 3, pieces: [] };
  const pieces = version.match(/\d+|[A-Za-z]+|[~^]/g) ?? [];
  return {
    rank: 4,
    pieces: pieces.map((piece) => (isNumber(piece) ? piece.replace(/^0+(?=\d)/, '') : piece)),
  };
}

/** Positive when `a` is newer than `b`. Source: as above. */
export function compareLibc(a: LibcVersion, b: LibcVersion): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  for (let index = 0; index < a.pieces.length || index < b.pieces.length; index++) {
    const order = comparePieces(a.pieces[index], b.pieces[index]);
    if (order !== 0) return order;
  }
  return 0;
}

function comparePieces(a: string | undefined, b: string | undefined): number {
  const byKind = pieceKind(a) - pieceKind(b);
  if (byKind !== 0 || a === undefined || b === undefined) return byKind;
  if (isNumber(a) && a.length !== b.length) return a.length - b.length;
  return a === b ? 0 : a < b ? -1 : 1;
}

/** The order of pieces of different kinds, oldest first; undefined is the end. */
function pieceKind(piece: string | undefined): number {
  if (piece === '~') return 0;
  if (piece === undefined) return 1;
  if (piece === '^') return 2;
  return isNumber(piece) ? 4 : 3;
}

function isNumber(piece: string): boolean {
  return piece >= '0' && piece < ':';
}
