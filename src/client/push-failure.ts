import { STATUS_CODES } from 'node:http';
import { PROBLEM } from '../api/problem.ts';
import { fitsSchema } from '../base/schema/fits-schema.ts';
import { AppError, type ErrorCode, printable } from '../errors.ts';
import type { Answer } from './open-connection.ts';
import { parseJson } from './parse-json.ts';

/**
 * `passing`: the same request may succeed later. `refusal`: the service will refuse this file, or this request, again.
 * `unreachable`: the server at that URL is not Rpmyard, or cannot be trusted.
 */
export type FailureKind = 'passing' | 'refusal' | 'unreachable';

/** Why a request failed, in the service's words or in ours; always printable. */
export class PushFailure extends Error {
  override readonly name = 'PushFailure';
  /** A code of this program or of the service, which may be newer than this program. */
  readonly code: string;
  readonly hint: string;
  readonly kind: FailureKind;

  constructor(fields: PushFailureFields) {
    super(printable(fields.detail), fields.cause === undefined ? undefined : { cause: fields.cause });
    this.code = printable(fields.code);
    this.hint = printable(fields.hint);
    this.kind = fields.kind;
  }
}

interface PushFailureFields {
  readonly code: string;
  readonly detail: string;
  readonly hint: string;
  readonly kind: FailureKind;
  readonly cause?: unknown;
}

// Where the service speaks of its URL, this program has an option.
const PUSH_HINTS: ReadonlyMap<string, string> = new Map([
  [
    'RELEASEVER_UNKNOWN' satisfies ErrorCode,
    'Push it with --releasever 9, or build with a dist tag (in a spec file Release: 1%{?dist}, elsewhere a release such as 1.el9).',
  ],
]);

// 423: another request still writes to the same resumable upload (tus 1.0.0 servers).
const PASSING_STATUSES = new Set([408, 423, 425, 429]);

// A certificate that OpenSSL and Node refuse now, they will refuse again.
const CERTIFICATE_FAULT = /CERT|ISSUER|LEAF_SIGNATURE|ALTNAME/;

/**
 * The failure that an answer stands for. A problem document has its own code; an answer without one comes from a proxy
 * or another server.
 */
export function failureOfAnswer(answer: Answer): PushFailure {
  const { status } = answer;
  const kind = toFailureKind(status);
  const problem = parseJson(answer.text);
  if (status >= 400 && fitsSchema(PROBLEM, problem)) {
    return new PushFailure({ ...problem, hint: PUSH_HINTS.get(problem.code) ?? problem.hint, kind });
  }
  if (status >= 300 && status < 400) return redirected(answer);
  return unexpected({
    detail: `the service answered ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd(),
    hint:
      kind === 'passing'
        ? 'It comes from what lies before the service, such as nginx or a proxy: look whether the service runs.'
        : 'This is no answer of Rpmyard: check the URL, and what lies before the service, such as a proxy.',
    kind,
  });
}

/** The failure that an error stands for which was thrown while a request was made. */
export function failureOfError(error: unknown): PushFailure {
  if (error instanceof PushFailure) return error;
  if (error instanceof AppError) {
    const { code, message, hint } = error;
    return new PushFailure({ code, detail: message, hint, kind: 'refusal', cause: error });
  }
  if (!(error instanceof Error)) throw error;
  if (isRefusedTunnel(error)) return refusedByProxy(error);
  const reason = explainFailure(error);
  const isCertificate = CERTIFICATE_FAULT.test(reason);
  return new PushFailure({
    code: 'SERVICE_UNREACHABLE' satisfies ErrorCode,
    detail: isCertificate
      ? `the service shows a certificate that cannot be trusted (${reason})`
      : `the service cannot be reached (${reason})`,
    hint: isCertificate
      ? 'Check the URL; NODE_EXTRA_CA_CERTS names a file with further certificates to trust.'
      : 'Check the URL, whether the service runs, and the proxy where HTTP_PROXY or HTTPS_PROXY names one.',
    kind: isCertificate ? 'unreachable' : 'passing',
    cause: error,
  });
}

/** A proxy in front of a TLS service is asked first, and gives an answer of its own. */
function isRefusedTunnel(error: Error): error is Error & { readonly statusCode: number } {
  return (
    'code' in error &&
    error.code === 'ERR_PROXY_TUNNEL' &&
    'statusCode' in error &&
    typeof error.statusCode === 'number'
  );
}

function refusedByProxy(error: Error & { readonly statusCode: number }): PushFailure {
  const { statusCode } = error;
  const status = `${statusCode} ${STATUS_CODES[statusCode] ?? ''}`.trimEnd();
  return new PushFailure({
    code: 'SERVICE_UNREACHABLE' satisfies ErrorCode,
    detail: `the proxy of HTTPS_PROXY does not lead to the service: it answered ${status}`,
    hint:
      statusCode === 407
        ? 'Give it user and password: HTTPS_PROXY=http://USER:PASSWORD@proxy.example.com:3128.'
        : 'Let the proxy connect to the host and port of the service, or name that host in NO_PROXY.',
    kind: statusCode >= 500 ? 'passing' : 'unreachable',
    cause: error,
  });
}

/** The answer is none that Rpmyard gives. */
export function unexpected(fields: Omit<PushFailureFields, 'code'>): PushFailure {
  return new PushFailure({ code: 'ANSWER_UNEXPECTED' satisfies ErrorCode, ...fields });
}

function toFailureKind(status: number): FailureKind {
  if (status >= 500 || PASSING_STATUSES.has(status)) return 'passing';
  return status >= 400 ? 'refusal' : 'unreachable';
}

/** Following a redirect could carry the token and the package to another server. */
function redirected({ status, headers }: Answer): PushFailure {
  const { location } = headers;
  return unexpected({
    detail: `the service answered ${status} and leads ${location === undefined ? 'nowhere' : `to ${location}`}`,
    hint: 'Redirects are not followed: give the URL that it leads to, if you trust it.',
    kind: 'unreachable',
  });
}

/** `ECONNREFUSED 127.0.0.1:5000`, without a name for each address that was tried. */
function explainFailure(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error)) return error.message;
  const code = 'code' in first && typeof first.code === 'string' ? first.code : undefined;
  if (code === undefined || code === 'ECONNRESET') return first.message === '' ? 'ECONNRESET' : first.message;
  if (!('address' in first) || !('port' in first)) return code;
  return `${code} ${String(first.address)}:${String(first.port)}`;
}
