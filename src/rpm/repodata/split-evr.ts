/** The parts of a dependency's version as primary writes them; the empty ones are left out. */
export interface EvrText {
  readonly epoch: string;
  readonly version: string;
  readonly release: string;
}

const NONE: EvrText = { epoch: '', version: '', release: '' };

/** What strtol(3) takes as a whole, or nothing at all. */
const EPOCH = /^(?:[ \t\n\v\f\r]*[+-]?\d+)?$/;

/**
 * Splits `[epoch:]version[-release]` at the first colon and the first dash after it; without an epoch it is 0.
 * Source: createrepo_c, src/misc.c, cr_str_to_evr.
 */
export function splitEvr(evr: string): EvrText {
  if (evr === '') return NONE;
  const colon = evr.indexOf(':');
  const epoch = colon > 0 ? evr.slice(0, colon) : '0';
  const dash = evr.indexOf('-', colon + 1);
  if (dash === -1) return { epoch, version: evr.slice(colon + 1), release: '' };
  return { epoch, version: evr.slice(colon + 1, dash), release: evr.slice(dash + 1) };
}

/** Whether what stands before the colon is no number. Source: as above. */
export function hasBadEpoch(evr: string): boolean {
  const colon = evr.indexOf(':');
  return colon > 0 && !EPOCH.test(evr.slice(0, colon));
}

/**
 * How primary names the comparison that the sense bits ask for; undefined when they ask for none, or for one it has no
 * name for.
 * Source: createrepo_c, src/misc.c, cr_flag_to_str; rpm, include/rpm/rpmds.h, RPMSENSE_LESS, _GREATER and _EQUAL.
 */
export function comparisonName(flags: number): string | undefined {
  switch (flags & 0xf) {
    case 2:
      return 'LT';
    case 4:
      return 'GT';
    case 8:
      return 'EQ';
    case 10:
      return 'LE';
    case 12:
      return 'GE';
    default:
      return undefined;
  }
}
