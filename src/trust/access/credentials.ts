import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../../errors.ts';

/** The credentials of a request. */
export type Credentials =
  | { readonly kind: 'token'; readonly token: string }
  | {
      readonly kind: 'signature';
      readonly algorithm: 'sha256' | 'sha1';
      readonly hex: string;
      readonly keyId: string | undefined;
    };

/**
 * Reads X-Signature, or Authorization as Bearer or Basic (its user name means nothing: the password is the token).
 * @returns undefined when there is neither.
 * @throws AppError CREDENTIALS_INVALID for what cannot be read.
 */
export function readCredentials(headers: IncomingHttpHeaders): Credentials | undefined {
  const signature = headers['x-signature'];
  if (signature !== undefined) return readSignature(String(signature), headers['x-key-id']);
  return headers.authorization === undefined ? undefined : readAuthorization(headers.authorization);
}

function readSignature(value: string, keyId: string | string[] | undefined): Credentials {
  const match = /^(?<algorithm>sha256|sha1)=(?<hex>[0-9a-f]{40}(?:[0-9a-f]{24})?)$/i.exec(value);
  const { algorithm, hex } = match?.groups ?? {};
  const isLong = hex?.length === 64;
  if (hex === undefined || isLong !== (algorithm === 'sha256')) {
    throw new AppError(
      'CREDENTIALS_INVALID',
      'the header X-Signature is not sha256=<64 hexadecimal digits>',
      {
        hint: 'See docs/http.md for how to sign a request.',
      },
    );
  }
  return {
    kind: 'signature',
    algorithm: isLong ? 'sha256' : 'sha1',
    hex: hex.toLowerCase(),
    keyId: keyId === undefined ? undefined : String(keyId),
  };
}

function readAuthorization(value: string): Credentials {
  const bearer = /^Bearer +(?<token>[\w.~+/=-]+) *$/i.exec(value)?.groups?.['token'];
  if (bearer !== undefined) return { kind: 'token', token: bearer };
  const basic = /^Basic +(?<base64>[\w+/=-]+) *$/i.exec(value)?.groups?.['base64'];
  const pair = Buffer.from(basic ?? '', 'base64').toString();
  const colon = pair.indexOf(':');
  if (colon >= 0) return { kind: 'token', token: pair.slice(colon + 1) };
  throw new AppError('CREDENTIALS_INVALID', 'the header Authorization is neither Bearer nor Basic', {
    hint: 'Send the token with curl -u ci:TOKEN, or as Authorization: Bearer TOKEN.',
  });
}
