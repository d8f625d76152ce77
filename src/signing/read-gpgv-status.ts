import type { SignatureVerdict, SignatureState } from './signature-verdict.ts';

/** Source: GnuPG, doc/DETAILS, "General status codes": one of these for each signature. */
const VERDICTS: Readonly<Record<string, SignatureState>> = {
  GOODSIG: 'good',
  EXPSIG: 'expired',
  EXPKEYSIG: 'expired',
  REVKEYSIG: 'revoked',
  BADSIG: 'bad',
  ERRSIG: 'unverifiable',
};

/** Source: GnuPG, doc/DETAILS, ERRSIG: reason 9 is a missing public key. */
const NO_PUBLIC_KEY = '9';
/** Source: RFC 9580, section 5.2.1.1: a binary signature; rpm makes no others, and in text lines may differ unseen. */
const BINARY_SIGNATURE_CLASS = '00';

const MAX_USER_ID_LENGTH = 200;

/** What gpgv said of one signature on its status file. Two verdicts, or none, are no verdict. */
export function readGpgvStatus(status: string): SignatureVerdict {
  const lines = status
    .split('\n')
    .flatMap((line) => (line.startsWith('[GNUPG:] ') ? [line.split(' ').slice(1)] : []));
  const verdicts = lines.filter(([keyword = '']) => keyword in VERDICTS);
  const [verdict] = verdicts;
  if (verdict === undefined || verdicts.length > 1) return { state: 'unverifiable' };
  const [keyword = '', id = '', ...rest] = verdict;
  const state = VERDICTS[keyword] ?? 'unverifiable';
  if (keyword === 'ERRSIG') return readFailure(id, rest);
  const valid = lines.find(([name]) => name === 'VALIDSIG')?.slice(1);
  const key = { keyId: id.slice(-16), ...userIdOf(rest) };
  if (state === 'bad') return { state, ...key };
  if (valid === undefined) return { state: 'unverifiable', ...key };
  // VALIDSIG fpr date time expires version reserved pubkey-algo hash-algo class primary-key-fpr
  const [fingerprint = '', , , , , , , , signatureClass, primaryFingerprint = fingerprint] = valid;
  const isBinary = signatureClass === BINARY_SIGNATURE_CLASS;
  return { state: isBinary ? state : 'bad', ...key, fingerprint: primaryFingerprint };
}

/** ERRSIG keyid pubkey-algo hash-algo class time reason [fpr] */
function readFailure(keyId: string, [, , , , reason]: readonly string[]): SignatureVerdict {
  return { state: reason === NO_PUBLIC_KEY ? 'unknown-key' : 'unverifiable', keyId: keyId.slice(-16) };
}

function userIdOf(words: readonly string[]): { readonly userId?: string } {
  const userId = words.join(' ').slice(0, MAX_USER_ID_LENGTH);
  return userId === '' ? {} : { userId };
}
