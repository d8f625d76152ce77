/** A key or subkey as gpg lists it. */
export interface ListedKey {
  readonly fingerprint: string;
  /** Undefined for a primary key. */
  readonly primary: ListedKey | undefined;
  /** By its number in OpenPGP. Source: RFC 9580, section 9.1. */
  readonly algorithm: number;
  readonly bits: number;
  /** As GnuPG calls it; empty for algorithms without curves. */
  readonly curve: string;
  /** False for a subkey that encrypts, and for a key that was revoked or has expired. */
  readonly canSign: boolean;
  /** Digests of the newest signatures by which the primary key holds its user ids, by their number in OpenPGP. */
  readonly certifyingDigests: readonly number[];
}

interface Certification {
  readonly seconds: number;
  readonly digest: number;
}

/** A key that is being read. */
interface OpenKey extends ListedKey {
  fingerprint: string;
  readonly keyId: string;
  /** By user id, in their order. */
  readonly certifications: (Certification | undefined)[];
}

/**
 * The keys in what gpg writes with `--with-colons` and `--with-fingerprint` twice; certifying digests are known when
 * signatures are listed too.
 *
 * Source: GnuPG, doc/DETAILS, "Format of the colon listings".
 */
export function readKeyList(colons: string): readonly ListedKey[] {
  const keys: OpenKey[] = [];
  let primary: OpenKey | undefined;
  for (const line of colons.split('\n')) {
    const fields = line.split(':');
    const [type = ''] = fields;
    const last = keys.at(-1);
    if (type === 'pub' || type === 'sub') {
      const key = openKey(fields, type === 'sub' ? primary : undefined);
      if (type === 'pub') primary = key;
      keys.push(key);
    } else if (type === 'fpr' && last !== undefined) last.fingerprint ||= fields[9] ?? '';
    else if (type === 'uid') primary?.certifications.push(undefined);
    else if (type === 'sig' && last === primary && primary !== undefined) noteCertification(fields, primary);
  }
  return keys.filter(({ fingerprint }) => fingerprint !== '');
}

/** `pub:<validity>:<bits>:<algorithm>:<key id>`, capabilities in field 12, the curve in field 17. */
function openKey(fields: readonly string[], primary: OpenKey | undefined): OpenKey {
  const [, validity = '', bits, algorithm, keyId = ''] = fields;
  const certifications: (Certification | undefined)[] = [];
  return {
    fingerprint: '',
    primary,
    algorithm: Number(algorithm),
    bits: Number(bits),
    curve: fields[16] ?? '',
    // Capitals are those of the whole key, `r`, `e`, `i`, `d` that it cannot be used.
    canSign: (fields[11] ?? '').includes('s') && !/^[reid]/.test(validity),
    keyId,
    certifications,
    get certifyingDigests() {
      return certifications.flatMap((found) => found?.digest ?? []);
    },
  };
}

/** `sig`: key id in field 5, time in 6, class in 11, digest algorithm in 16. Source: RFC 9580, section 5.2.1 (classes). */
function noteCertification(fields: readonly string[], primary: OpenKey): void {
  const { keyId, certifications } = primary;
  const [seconds, digest] = [Number(fields[5]), Number(fields[15])];
  const isOwn = fields[4] === keyId && /^1[0-3]/.test(fields[10] ?? '');
  const former = certifications.at(-1);
  if (!isOwn || certifications.length === 0 || (former !== undefined && former.seconds > seconds)) return;
  certifications[certifications.length - 1] = { seconds, digest };
}
