import { cutText } from '../../errors.ts';
import { findWeakDigest, findWeakness } from './find-weakness.ts';
import type { Keyring } from '../keyring.ts';
import type { ListedKey } from './read-key-list.ts';
import type { SignatureVerdict, SignatureState } from '../../api/signature-verdict.ts';

/** Source: GnuPG, doc/DETAILS, "General status codes": one of these for each signature. */
const VERDICTS: ReadonlyMap<string, SignatureState> = new Map([
  ['GOODSIG', 'good'],
  ['EXPSIG', 'expired'],
  ['EXPKEYSIG', 'expired'],
  ['REVKEYSIG', 'revoked'],
  ['BADSIG', 'bad'],
  ['ERRSIG', 'unverifiable'],
]);

/** Source: GnuPG, doc/DETAILS, ERRSIG: reason 9 is a missing public key. */
const NO_PUBLIC_KEY = '9';
/** Source: RFC 9580, section 5.2.1.1: a binary signature; rpm makes no others, and in text lines may differ unseen. */
const BINARY_SIGNATURE_CLASS = '00';
/** Source: RFC 9580, section 9.5. gpgv from 2.1 on does not check it, an older one must say the same. */
const MD5 = 1;

/** A key id is the end of a fingerprint, which has 40 digits (version 4) or 64. */
const KEY_ID = /[0-9A-F]{16}$/;
const FINGERPRINT = /^(?:[0-9A-F]{40}|[0-9A-F]{64})$/;

const MAX_USER_ID_BYTES = 200;

/**
 * gpgv's verdict on one signature, from its status lines, with the strength of a good one. Two verdicts, or none, are
 * no verdict; neither is a good one without the key that signed.
 */
export function readGpgvStatus(status: string, keys: Keyring['keys']): SignatureVerdict {
  const lines = status
    .split('\n')
    .flatMap((line) => (line.startsWith('[GNUPG:] ') ? [line.split(' ').slice(1)] : []));
  const verdicts = lines.filter(([keyword = '']) => VERDICTS.has(keyword));
  const [verdict] = verdicts;
  if (verdict === undefined || verdicts.length > 1) return { state: 'unverifiable' };
  const [keyword = '', id = '', ...rest] = verdict;
  const state = VERDICTS.get(keyword) ?? 'unverifiable';
  if (keyword === 'ERRSIG') return readFailure(id, rest);
  const key = { ...readKeyId(id), ...readUserId(rest) };
  if (state === 'bad') return { state, ...key };
  const valid = lines.find(([name]) => name === 'VALIDSIG')?.slice(1) ?? [];
  // VALIDSIG fpr date time expires version reserved pubkey-algo hash-algo class primary-key-fpr
  const [signer = '', , , , , , , digest, signatureClass, primary = signer] = valid;
  if (key.keyId === undefined || !FINGERPRINT.test(signer) || !FINGERPRINT.test(primary)) {
    return { state: 'unverifiable', ...key };
  }
  const found = { ...key, fingerprint: primary };
  if (signatureClass !== BINARY_SIGNATURE_CLASS) return { state: 'bad', ...found };
  return state === 'good' ? judgeStrength(found, Number(digest), keys.get(signer)) : { state, ...found };
}

/** gpgv's own rules differ by its version and its distribution; the rules here are the same everywhere. */
function judgeStrength(
  found: Omit<SignatureVerdict, 'state'>,
  digest: number,
  signer: ListedKey | undefined,
): SignatureVerdict {
  if (signer === undefined) return { state: 'unverifiable', ...found };
  const weakness = findWeakness(digest, signer);
  if (weakness === undefined) return { state: 'good', ...found };
  return { state: digest === MD5 ? 'unverifiable' : 'weak', ...found, weakness };
}

/** ERRSIG keyid pubkey-algo hash-algo class time reason [fpr] */
function readFailure(id: string, [, digest, , , reason]: readonly string[]): SignatureVerdict {
  if (reason === NO_PUBLIC_KEY) return { state: 'unknown-key', ...readKeyId(id) };
  const weakDigest = findWeakDigest(Number(digest));
  return {
    state: 'unverifiable',
    ...readKeyId(id),
    ...(weakDigest !== undefined && { weakness: { digest: weakDigest } }),
  };
}

function readKeyId(text: string): { readonly keyId?: string } {
  const keyId = KEY_ID.exec(text)?.[0];
  return keyId === undefined ? {} : { keyId };
}

function readUserId(words: readonly string[]): { readonly userId?: string } {
  const userId = cutText(words.join(' '), MAX_USER_ID_BYTES);
  return userId === '' ? {} : { userId };
}
