/**
 * What is known of a package's signature.
 * `good`: by a key of the keyring, over all of the package.
 * `weak`: as good, but its digest or its key is one that hosts of today refuse.
 * `header-only`: good, but nothing that is signed covers the payload.
 * `unknown-key`: by a key that is not in the keyring.
 * `expired`: the key, or the signature, was valid once. `revoked`: the key was taken back.
 * `bad`: it does not fit the package, or is no signature.
 * `unverifiable`: of a kind that the installed GnuPG, or any of today, cannot check.
 * `unsigned`: there is none. `unchecked`: there is one, and no keyring to check it against.
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

/** What is known of a package's signature, as it is shown and recorded. */
export interface SignatureVerdict {
  readonly state: SignatureState;
  /** 16 hex digits. */
  readonly keyId?: string;
  /** Of the primary key. */
  readonly fingerprint?: string;
  /** The first user ID of the key. */
  readonly userId?: string;
  /** Of one that is weak, or cannot be checked because of its digest. */
  readonly weakness?: Weakness;
  /** What the package had when it was sent, if it was signed here. */
  readonly received?: SignatureVerdict;
}
