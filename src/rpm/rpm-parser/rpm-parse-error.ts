/** Why a file was refused. The set is closed and a code never changes its meaning. */
export type RpmParseErrorCode =
  /** The first bytes are not the magic of an RPM package. */
  | 'NOT_AN_RPM'
  /** The file, or the bytes handed in, end before the structures they announce. */
  | 'TRUNCATED'
  /** The 96-byte lead names a version or a signature type that rpm refuses. */
  | 'LEAD_INVALID'
  /** The index of a header breaks a rule of the header format. */
  | 'HEADER_INVALID'
  /** A number is larger than what rpm itself accepts, or unfolds to more than we would hold. */
  | 'LIMIT_EXCEEDED'
  /** A text for people is longer than what readers of repodata take. */
  | 'TEXT_TOO_LONG'
  /** A tag has the wrong type, the wrong number of values, a value out of range, or occurs twice. */
  | 'TAG_INVALID'
  /** A tag that must be there is not. */
  | 'TAG_MISSING'
  /** Arrays that belong together have different lengths, or an index points outside its array. */
  | 'COUNT_MISMATCH'
  /** RPMFORMAT announces a package format that is not known here. */
  | 'FORMAT_UNSUPPORTED'
  /** A recomputed header digest differs from the recorded one. */
  | 'DIGEST_MISMATCH';

/** A package that cannot be read; the message says what was expected, what was found, and where. */
export class RpmParseError extends Error {
  override readonly name = 'RpmParseError';
  readonly code: RpmParseErrorCode;
  /** Byte offset in the package file at which the rule was broken. */
  readonly offset: number;

  constructor(code: RpmParseErrorCode, message: string, offset: number) {
    super(`${message} (byte ${offset})`);
    this.code = code;
    this.offset = offset;
  }
}
