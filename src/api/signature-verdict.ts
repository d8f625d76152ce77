/**
 * How the service judges a package's signature. `good`: by a key of the keyring, over all of the package. `weak`: as
 * good, but hosts of today refuse its digest or its key. `header-only`: good, but no signature covers the payload.
 * `unknown-key`: by a key that is not in the keyring. `expired`: the key, or the signature, was valid once. `revoked`:
 * the owner withdrew the key. `bad`: it does not fit the package, or is no signature. `unverifiable`: of a kind that
 * the installed GnuPG, or any of today, cannot check. `unsigned`: the package has no signature. `unchecked`: it has
 * one, and there is no keyring to check it against.
 */
export type SignatureState =
  | 'good'
  | 'weak'
  | 'header-only'
  | 'unknown-key'
  | 'expired'
  | 'revoked'
  | 'bad'
  | 'unverifiable'
  | 'unsigned'
  | 'unchecked';

/** What makes a signature weak, in words. */
export interface Weakness {
  /** `SHA-1` */
  readonly digest?: string;
  /** `RSA 1024`, `DSA 1024`, `ECDSA brainpoolP256r1` */
  readonly key?: string;
}

/** A package's signature, as it is shown and recorded. */
export interface SignatureVerdict {
  readonly state: SignatureState;
  /** 16 hex digits. */
  readonly keyId?: string;
  /** Of the primary key. */
  readonly fingerprint?: string;
  /** The first user ID of the key. */
  readonly userId?: string;
  /** The digest of a signature that is weak, or that cannot be checked because of its digest. */
  readonly weakness?: Weakness;
  /** The signature that the package had when the client sent it, if the service signed it. */
  readonly received?: SignatureVerdict;
}
