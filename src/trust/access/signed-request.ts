import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../../errors.ts';
import { headerText } from '../../base/text/header-text.ts';

/** The parts of a request that are signed. */
export interface SignedRequest {
  readonly method: string;
  /** As the client sent it, with its query: `/upload?wait=50`. */
  readonly url: string;
  readonly timestampSeconds: number;
  readonly nonce: string;
  /** Lower-case hex; of no bytes when the request has no body. */
  readonly bodySha256: string;
}

// Clocks of build machines differ; within this time a nonce is remembered.
const WINDOW_SECONDS = 300;
// A header that changes what a request does must be signed. The other headers can only make it fail (further digests,
// lengths and offsets of pieces, the version of tus), say how to answer (Accept, Range), or are a note for the audit
// log (X-Build-Url).
const NOT_SIGNED = ['x-batch'];
const SHA256_OF_NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** HMAC-SHA256 in hex over the five parts, one a line. */
export function signRequest(request: SignedRequest, key: Buffer): string {
  const { method, url, timestampSeconds, nonce, bodySha256 } = request;
  return createHmac('sha256', key)
    .update([method, url, timestampSeconds, nonce, bodySha256].join('\n'))
    .digest('hex');
}

/**
 * The signed parts, from the request line and the headers X-Timestamp (seconds), X-Nonce and X-Checksum-Sha256. Whether
 * the body has this digest is checked when it has arrived.
 * @throws AppError SIGNATURE_INVALID when one is missing or cannot be read, or a header says more than is signed.
 */
export function readSignedRequest(request: {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}): SignedRequest {
  const { method, url, headers } = request;
  const timestamp = headerText(headers['x-timestamp']);
  const nonce = headerText(headers['x-nonce']);
  const digest = headerText(headers['x-checksum-sha256'])?.toLowerCase();
  if (timestamp === undefined || !/^\d{10}$/.test(timestamp)) {
    throw invalid('X-Timestamp must be the time in seconds since 1970');
  }
  if (nonce === undefined || !/^[\w-]{16,64}$/.test(nonce)) {
    throw invalid('X-Nonce must be 16 to 64 letters, digits, dashes and underscores');
  }
  // A form's digest would be of the whole form, which no code checks.
  if (headerText(headers['content-type'])?.toLowerCase().startsWith('multipart/') === true)
    throw invalid('a form cannot be signed');
  const notSigned = NOT_SIGNED.find((header) => headers[header] !== undefined);
  if (notSigned !== undefined) {
    throw new AppError('SIGNATURE_INVALID', `a signed request does not cover the header ${notSigned}`, {
      hint: 'Name the batch in the URL, which is signed: ?batch=NAME.',
    });
  }
  if (digest === undefined && (method === 'PUT' || hasBody(headers)))
    throw invalid('X-Checksum-Sha256 must give the body’s sha256');
  return {
    method,
    url,
    timestampSeconds: Number(timestamp),
    nonce,
    bodySha256: digest ?? SHA256_OF_NOTHING,
  };
}

function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** When the nonce of a request may be forgotten. @throws AppError SIGNATURE_EXPIRED outside of the window around now. */
export function checkTime(
  { timestampSeconds }: SignedRequest,
  nowMs: number,
): { readonly expiresAtMs: number } {
  const offSeconds = Math.abs(nowMs / 1000 - timestampSeconds);
  if (offSeconds <= WINDOW_SECONDS) return { expiresAtMs: (timestampSeconds + WINDOW_SECONDS + 1) * 1000 };
  throw new AppError(
    'SIGNATURE_EXPIRED',
    `X-Timestamp is ${Math.round(offSeconds)} s off, at most ${WINDOW_SECONDS} are allowed`,
    {
      hint: 'Sign each request just before it is sent, and correct the clock of this machine.',
    },
  );
}

/** Compares two hex digests of equal length; the time it takes does not tell where they differ. */
export function equalHex(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function invalid(reason: string): AppError {
  return new AppError('SIGNATURE_INVALID', reason, {
    hint: 'See docs/http.md for how to sign a request.',
  });
}
