import { STATUS_CODES } from 'node:http';
import { dirname } from 'node:path';

/**
 * Every code the service can answer with. The set is closed and a code never changes its meaning:
 * build jobs branch on it. docs/errors.md explains each one; a test compares both directions.
 */
export const ERROR_STATUS = {
  // The request
  REQUEST_MALFORMED: 400,
  EMPTY_BODY: 400,
  BODY_INCOMPLETE: 400,
  DIGEST_INVALID: 400,
  DIGEST_MISMATCH: 400,
  PARAMETER_INVALID: 400,
  MULTIPART_INVALID: 400,
  SPOOL_PATH_REFUSED: 400,
  DROPPED_FILE_REFUSED: 400,
  CREDENTIALS_MISSING: 401,
  CREDENTIALS_INVALID: 401,
  SIGNATURE_INVALID: 401,
  SIGNATURE_EXPIRED: 401,
  SIGNATURE_REPLAYED: 401,
  RIGHT_MISSING: 403,
  CROSS_SITE_REFUSED: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  UPLOAD_STALLED: 408,
  UPLOAD_OFFSET_WRONG: 409,
  PRECONDITION_FAILED: 412,
  TUS_VERSION_UNSUPPORTED: 412,
  UPLOAD_TOO_LARGE: 413,
  UPLOAD_PATH_RESERVED: 404,
  CONTENT_TYPE_WRONG: 415,
  RANGE_NOT_SATISFIABLE: 416,
  METADATA_INVALID: 422,
  METADATA_REPLACED: 409,
  QUOTA_REACHED: 429,
  HEADERS_TOO_LARGE: 431,
  // The package
  RPM_MALFORMED: 400,
  RPM_TRUNCATED: 400,
  RPM_DIGEST_MISMATCH: 400,
  RPM_DIGEST_MISSING: 422,
  RPM_PAYLOAD_UNSUPPORTED: 422,
  NEVRA_INVALID: 422,
  ARCH_UNKNOWN: 422,
  OS_FOREIGN: 422,
  TEXT_NOT_XML: 422,
  TEXT_TOO_LONG: 422,
  DEPENDENCY_INVALID: 422,
  RELEASEVER_UNKNOWN: 422,
  PACKAGE_CONFLICT: 409,
  PACKAGE_SET_ASIDE: 422,
  BATCH_REFUSED: 409,
  BATCH_COMMITTED: 409,
  PACKAGE_UNSIGNED: 422,
  PACKAGE_SIGNATURE_BAD: 422,
  PACKAGE_SIGNATURE_INCOMPLETE: 422,
  PACKAGE_SIGNATURE_UNVERIFIABLE: 422,
  PACKAGE_SIGNATURE_WEAK: 422,
  PACKAGE_DIGEST_WEAK: 422,
  PACKAGE_NOT_SIGNABLE: 422,
  SIGNING_KEY_UNKNOWN: 403,
  SIGNING_KEY_UNUSABLE: 403,
  // The service
  INDEX_FAILED: 503,
  INDEX_DAMAGED: 503,
  INDEX_ENGINE_MISSING: 503,
  BATCH_UNPLACED: 503,
  TAKEOVER_UNDECIDED: 503,
  PACKAGE_DAMAGED: 503,
  PACKAGE_UNDESCRIBABLE: 503,
  PACKAGE_HELD_BACK: 503,
  PACKAGE_SIGNING_FAILED: 503,
  SIGNING_TOOL_MISSING: 503,
  SIGNING_TOOL_FAILED: 503,
  SIGNING_FAILED: 503,
  NGINX_OUTDATED: 503,
  SHUTTING_DOWN: 503,
  STORAGE_FULL: 507,
  STORAGE_FAILED: 500,
  INTERNAL: 500,
  // Start-up and command line
  SERVICE_UNREACHABLE: 503,
  ANSWER_UNEXPECTED: 502,
  INDEX_LATE: 504,
  SOURCE_CHANGED: 500,
  CONFIG_INVALID: 500,
  LISTEN_FAILED: 500,
  TREE_LOCKED: 500,
  TREE_UNUSABLE: 500,
  TREE_MISSING: 500,
} as const satisfies Readonly<Record<string, number>>;

export type ErrorCode = keyof typeof ERROR_STATUS;

export interface AppErrorFields {
  /** One sentence: what to do next. */
  readonly hint: string;
  readonly cause?: unknown;
  /** Machine-readable facts that go into the problem document (digests, paths a client may know). */
  readonly details?: Readonly<Record<string, unknown>>;
}

// A longer message repeats text from a client: a URL, a name, a field of a package.
const MAX_MESSAGE_BYTES = 1024;

/** An error with a stable code, the HTTP status that goes with it, and a remedy. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, fields: AppErrorFields) {
    super(
      cutText(printable(message.slice(0, MAX_MESSAGE_BYTES + 1)), MAX_MESSAGE_BYTES),
      fields.cause === undefined ? undefined : { cause: fields.cause },
    );
    this.code = code;
    this.hint = fields.hint;
    this.details = fields.details ?? {};
  }

  get statusCode(): number {
    return ERROR_STATUS[this.code];
  }
}

// Control, C1 and text direction characters could forge lines or hide text in a terminal or a log.
// oxlint-disable-next-line no-control-regex -- finding them is the purpose
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The text with every unprintable character written as \uXXXX. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const CUT_MARK = '...';
const HIGH_SURROGATE = /[\ud800-\udbff]/;
const LOW_SURROGATE = /[\udc00-\udfff]/;

/**
 * The text, or its beginning with three dots, so that it takes at most `maxBytes` in a line of a log: as JSON in UTF-8, with
 * unprintable characters escaped, without the quotes.
 */
export function cutText(text: string, maxBytes: number): string {
  // No character takes less than a byte, so the rest need not be read.
  const beginning = text.slice(0, maxBytes + 1);
  if (beginning.length === text.length && writtenBytes(text) <= maxBytes) return text;
  let [end, tooLong] = [0, beginning.length + 1];
  while (tooLong - end > 1) {
    const middle = Math.floor((end + tooLong) / 2);
    if (writtenBytes(text.slice(0, middle)) + CUT_MARK.length <= maxBytes) end = middle;
    else tooLong = middle;
  }
  // Half of a character outside of the basic plane is none.
  if (HIGH_SURROGATE.test(text.charAt(end - 1)) && LOW_SURROGATE.test(text.charAt(end))) end -= 1;
  return `${text.slice(0, end)}${CUT_MARK}`;
}

function writtenBytes(text: string): number {
  return Buffer.byteLength(printable(JSON.stringify(text))) - 2;
}

/** What went wrong with a database, as far as anything is done about it. */
export type SqliteFault = 'busy' | 'failed' | 'damaged' | 'full';

// Primary result codes: https://sqlite.org/rescode.html
const SQLITE_FAULTS: ReadonlyMap<number, SqliteFault> = new Map([
  [5, 'busy'],
  [10, 'failed'],
  [11, 'damaged'],
  [13, 'full'],
  [26, 'damaged'],
]);
const STORAGE_FULL_ERRNOS = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** The `code` of a Node system error (`ENOENT`, ...), or undefined for any other value. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** What an error of SQLite says; undefined for any other value. */
export function sqliteFaultOf(error: unknown): SqliteFault | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  // The lower byte of an extended code is the primary one.
  return typeof error.errcode === 'number' ? SQLITE_FAULTS.get(error.errcode & 0xff) : undefined;
}

/** Turns any thrown value into an AppError; system errors of the file system get a storage code. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const errno = errnoOf(error);
  const sqliteFault = sqliteFaultOf(error);
  if ((errno !== undefined && STORAGE_FULL_ERRNOS.has(errno)) || sqliteFault === 'full') {
    return new AppError('STORAGE_FULL', `the storage is full${placeOf(error)}`, {
      hint: 'Free disk space on the server, on the mount of repo.top_dir, then send the package again.',
      cause: error,
    });
  }
  if (sqliteFault === 'damaged') {
    return new AppError('STORAGE_FAILED', 'the records in the state directory are damaged', {
      hint: 'Stop the service, restore records.sqlite from a backup or move it away (receipts and times are then lost, no package is), and start it again.',
      cause: error,
    });
  }
  const storageFault = errno ?? (sqliteFault === 'failed' ? 'EIO' : undefined);
  if (storageFault !== undefined) {
    return new AppError('STORAGE_FAILED', `the storage answered ${storageFault}`, {
      hint: 'Send the package again; if it fails again, the server log has the cause under this request id.',
      cause: error,
    });
  }
  return new AppError('INTERNAL', 'unexpected error', {
    hint: 'The server log has the cause under this request id.',
    cause: error,
  });
}

/** The path that the file system refused, when the error has it: writes through a descriptor have none. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error) || !('path' in error) || typeof error.path !== 'string') return '';
  return ` at ${dirname(error.path)}`;
}

/** `ERROR <code>: <detail> (<hint>)` on one line; for one of several files, with its name before the detail. */
export function errorLine(error: AppError, fileName?: string): string {
  const subject = fileName === undefined ? '' : `${fileName}: `;
  return `${printable(`ERROR ${error.code}: ${subject}${error.message} (${error.hint})`)}
`;
}

/** An RFC 9457 problem document with our code and hint. */
export function problemOf(error: AppError, requestId: string): Readonly<Record<string, unknown>> {
  return {
    type: 'about:blank',
    title: STATUS_CODES[error.statusCode],
    status: error.statusCode,
    detail: error.message,
    code: error.code,
    hint: error.hint,
    requestId,
    ...error.details,
  };
}
