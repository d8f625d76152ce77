/** Epoch, version and release, by which rpm decides what is newer. */
export interface Evr {
  /** Undefined counts as 0. */
  readonly epoch: number | undefined;
  readonly version: string;
  /** Undefined is older than any release. */
  readonly release: string | undefined;
}

/**
 * Splits `[epoch:]version[-release]`: digits before a colon are the epoch, the release follows the last dash.
 *
 * Source: rpm, rpmio/rpmver.c, parseEVR.
 */
export function parseEvr(text: string): Evr {
  const epochText = /^(\d*):/.exec(text)?.[1];
  const rest = epochText === undefined ? text : text.slice(epochText.length + 1);
  const epoch = epochText === undefined ? undefined : Number(epochText);
  const dash = rest.lastIndexOf('-');
  if (dash === -1) return { epoch, version: rest, release: undefined };
  return { epoch, version: rest.slice(0, dash), release: rest.slice(dash + 1) };
}

/**
 * Negative when `a` is older than `b`, positive when newer, 0 when rpm sees no difference.
 *
 * Source: rpm, rpmio/rpmver.c, rpmverCmp.
 */
export function compareEvr(a: Evr, b: Evr): number {
  const byEpoch = (a.epoch ?? 0) - (b.epoch ?? 0);
  if (byEpoch !== 0) return byEpoch;
  const byVersion = compareVersions(a.version, b.version);
  if (byVersion !== 0) return byVersion;
  if (a.release === undefined || b.release === undefined) {
    return Number(a.release !== undefined) - Number(b.release !== undefined);
  }
  return compareVersions(a.release, b.release);
}

/**
 * Orders two versions, or two releases: piece by piece, runs of digits as numbers, runs of letters as
 * text; `~` is older than the end of the string, `^` newer than the end but older than anything else.
 *
 * Source: rpm, rpmio/rpmvercmp.c, rpmvercmp.
 */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0;
  const left = versionPieces(a);
  const right = versionPieces(b);
  for (let index = 0; ; index++) {
    const order = comparePieces(left[index], right[index]);
    if (order !== 0) return order;
    if (left[index] === undefined) return 0;
  }
}

/** Runs of digits, runs of ASCII letters, `~` and `^`; everything else only separates. */
function versionPieces(version: string): readonly string[] {
  return version.match(/\d+|[A-Za-z]+|[~^]/g) ?? [];
}

function comparePieces(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  const byRank = pieceRank(a) - pieceRank(b);
  if (byRank !== 0 || a === undefined || b === undefined) return byRank;
  return isNumber(a) ? compareNumbers(a, b) : compareText(a, b);
}

/** The order of pieces of different kinds, oldest first. */
function pieceRank(piece: string | undefined): number {
  if (piece === '~') return 0;
  if (piece === undefined) return 1;
  if (piece === '^') return 2;
  return isNumber(piece) ? 4 : 3;
}

function isNumber(piece: string): boolean {
  return piece >= '0' && piece < ':';
}

/** As numbers of any length, so not through Number. */
function compareNumbers(a: string, b: string): number {
  const left = a.replace(/^0+/, '');
  const right = b.replace(/^0+/, '');
  return left.length - right.length || compareText(left, right);
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
