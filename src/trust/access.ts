import { createHmac } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../errors.ts';
import type { NonceUse } from '../storage/records.ts';
import { type Credentials, readCredentials } from './access/credentials.ts';
import { covers, createRequester, type Need, type Requester } from './requester.ts';
import { ALL_RIGHTS, createRights, type Grants } from './rights.ts';
import { checkTime, equalHex, readSignedRequest, signRequest } from './access/signed-request.ts';
import { findByToken, hashToken } from './token-hash.ts';

/** The parts of a request that decide who sent it. */
export interface AskedRequest {
  readonly method: string;
  /** As the client sent it, with its query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** Which nonces of signed requests have been used. */
export interface NonceRecords {
  readonly isNonceUsed: (keyId: string, nonce: string) => Promise<boolean>;
  /** @returns false when it was used before. */
  readonly useNonce: (use: NonceUse) => Promise<boolean>;
}

export interface AccessOptions {
  readonly tokens: readonly (Grants & { readonly name: string; readonly hash: string })[];
  readonly keys: readonly (Grants & {
    readonly id: string;
    readonly secret: Buffer;
    readonly allow_plain_signature?: boolean;
  })[];
  /** Without tokens and keys no client may change anything, instead of every client. */
  readonly requireCredentials: boolean;
  /** Globs of the repositories that every client may read. */
  readonly publicRead: readonly string[];
  /** The token of commands on this machine. */
  readonly localToken: string;
  readonly nonces: NonceRecords;
  /**
   * The path that a proxy in front removes from the beginning of each URL: the client signs it, and the service does
   * not see it.
   */
  readonly publicPath?: string;
  readonly now: () => number;
}

export interface Access {
  /**
   * The sender of the request; whether it may do what is needed is the question of `demand`. Credentials are not read
   * for a request that every client may make.
   * @param use `look`: nginx asks about a request that will come itself, so its nonce stays unused.
   * @throws AppError CREDENTIALS_INVALID, SIGNATURE_INVALID, SIGNATURE_EXPIRED, SIGNATURE_REPLAYED.
   */
  readonly identify: (request: AskedRequest, need: Need, use?: 'look' | 'consume') => Promise<Requester>;
}

type Key = AccessOptions['keys'][number];

/** Without tokens and keys every client may do everything, unless credentials are required. */
export function createAccess(options: AccessOptions): Access {
  const callers = { ...options, ...toCallers(options) };
  const { anonymous } = callers;
  return {
    identify: async (request, need, use = 'consume') => {
      if (anonymous.rights.mayEverywhere(need.right) || (need.in !== 'some' && covers(anonymous, need)))
        return anonymous;
      const credentials = readCredentials(request.headers);
      if (credentials === undefined) return anonymous;
      if (credentials.kind === 'token') return identifyByToken(credentials.token, callers);
      if (credentials.algorithm === 'sha256') {
        return identifyBySignature(credentials, { request, use }, callers);
      }
      // Only a request with a file can prove it.
      if (need.right === 'upload') return identifyByPlainSignature(credentials, callers);
      throw new AppError('SIGNATURE_INVALID', 'X-Signature: sha1= is for uploads only', {
        hint: 'Sign with sha256 as in docs/http.md.',
      });
    },
  };
}

/** The clients that the service knows. */
interface Callers {
  readonly anonymous: Requester;
  readonly tokenEntries: readonly { readonly hash: string; readonly requester: Requester }[];
  readonly keysById: ReadonlyMap<string, Key>;
  readonly requesterOf: (kind: 'token' | 'key' | 'local', name: string, grants: Grants) => Requester;
}

function toCallers({ tokens, keys, publicRead, localToken, requireCredentials }: AccessOptions): Callers {
  const isOpen = tokens.length === 0 && keys.length === 0 && !requireCredentials;
  // A client with credentials may also read what every client may read.
  const requesterOf: Callers['requesterOf'] = (kind, name, grants) => {
    const rights = createRights({ ...grants, read: [...(grants.read ?? []), ...publicRead] });
    return createRequester({ kind, name, rights, isProven: true });
  };
  return {
    anonymous: createRequester({
      kind: 'anonymous',
      name: '',
      rights: createRights(isOpen ? ALL_RIGHTS : { read: publicRead }),
      isProven: isOpen,
    }),
    tokenEntries: [
      { hash: hashToken(localToken), requester: requesterOf('local', 'command line', ALL_RIGHTS) },
      ...tokens.map((token) => ({ hash: token.hash, requester: requesterOf('token', token.name, token) })),
    ],
    keysById: new Map(keys.map((key) => [key.id, key])),
    requesterOf,
  };
}

type Signature = Extract<Credentials, { readonly kind: 'signature' }>;

function identifyByToken(token: string, { tokenEntries }: Callers): Requester {
  const entry = findByToken(tokenEntries, token);
  if (entry !== undefined) return entry.requester;
  throw new AppError('CREDENTIALS_INVALID', 'there is no such token', {
    hint: 'Check the token; "rpmyard token new NAME" makes another one.',
  });
}

async function identifyBySignature(
  { hex, keyId }: Signature,
  { request, use }: { readonly request: AskedRequest; readonly use: 'look' | 'consume' },
  callers: Callers & Pick<AccessOptions, 'publicPath' | 'nonces' | 'now'>,
): Promise<Requester> {
  const { keysById, requesterOf, publicPath = '', nonces, now } = callers;
  const signed = readSignedRequest(request);
  const key = keyId === undefined ? undefined : keysById.get(keyId);
  // An unknown key takes as long as a wrong signature and gets the same answer.
  const secret = key?.secret ?? Buffer.alloc(32);
  const isSigned = ['', publicPath].some((path) =>
    equalHex(hex, signRequest({ ...signed, url: `${path}${signed.url}` }, secret)),
  );
  if (!isSigned || key === undefined) throw wrongSignature();
  const nowMs = now();
  const { expiresAtMs } = checkTime(signed, nowMs);
  const isFresh =
    use === 'look'
      ? !(await nonces.isNonceUsed(key.id, signed.nonce))
      : await nonces.useNonce({ keyId: key.id, nonce: signed.nonce, expiresAtMs, nowMs });
  if (!isFresh) {
    throw new AppError('SIGNATURE_REPLAYED', 'a request with this X-Nonce was sent before', {
      hint: 'Sign each request anew, with a new nonce.',
    });
  }
  return requesterOf('key', key.id, key);
}

/** The signature is of the file alone, so that only the file can prove it. */
function identifyByPlainSignature({ hex, keyId }: Signature, { keysById, requesterOf }: Callers): Requester {
  const plainKeys = [...keysById.values()].filter((key) => key.allow_plain_signature === true);
  const key =
    plainKeys.find(({ id }) => id === keyId) ?? (keyId === undefined ? onlyOne(plainKeys) : undefined);
  if (key === undefined) {
    throw new AppError('SIGNATURE_INVALID', 'this key takes no X-Signature: sha1=', {
      hint: 'Sign with sha256 as in docs/http.md, or ask the administrator for allow_plain_signature.',
    });
  }
  const proven = requesterOf('key', key.id, { upload: [...(key.upload ?? []), ...(key.admin ?? [])] });
  return {
    ...proven,
    isProven: false,
    proveBy: async (path) => {
      if (!equalHex(hex, await plainSignature(path, key))) throw wrongPlainSignature(key);
      return proven;
    },
  };
}

function onlyOne(keys: readonly Key[]): Key | undefined {
  return keys.length === 1 ? keys[0] : undefined;
}

/** HMAC-SHA1 of a file in hex. */
async function plainSignature(path: string, key: Key): Promise<string> {
  const hmac = createHmac('sha1', key.secret);
  for await (const chunk of createReadStream(path)) hmac.update(chunk);
  return hmac.digest('hex');
}

function wrongPlainSignature({ id }: Key): AppError {
  return new AppError('SIGNATURE_INVALID', `X-Signature is not the HMAC-SHA1 of this file by the key ${id}`, {
    hint: 'Check the key, and that the file was not changed after it was signed.',
  });
}

function wrongSignature(): AppError {
  return new AppError('SIGNATURE_INVALID', 'X-Signature is not that of X-Key-Id for this request', {
    hint: 'Check the key, and that method, path with query, X-Timestamp, X-Nonce and X-Checksum-Sha256 are signed as sent.',
  });
}
