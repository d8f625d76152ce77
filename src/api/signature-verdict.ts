import type { JsonSchema } from '../base/schema/json-schema.ts';
import type { DocumentOf } from './document-of.ts';
import { OTHER_WORD } from './fields.ts';

/**
 * How the service judges a package's signature. `good`: by a key of the keyring, over all of the package. `weak`: as
 * good, but hosts of today refuse its digest or its key. `header-only`: good, but no signature covers the payload.
 * `unknown-key`: by a key that is not in the keyring. `expired`: the key, or the signature, was valid once. `revoked`:
 * the owner withdrew the key. `bad`: it does not fit the package, or is no signature. `unverifiable`: of a kind that
 * the installed GnuPG, or any of today, cannot check. `unsigned`: the package has no signature. `unchecked`: it has
 * one, and there is no keyring to check it against.
 */
const SIGNATURE_STATES = [
  'good',
  'weak',
  'header-only',
  'unknown-key',
  'expired',
  'revoked',
  'bad',
  'unverifiable',
  'unsigned',
  'unchecked',
] as const;

export type SignatureState = (typeof SIGNATURE_STATES)[number];

const WEAKNESS = {
  type: 'object',
  description: 'what makes a signature weak',
  properties: {
    digest: { type: 'string', examples: ['SHA-1'] },
    key: { type: 'string', examples: ['RSA 1024', 'DSA 1024', 'ECDSA brainpoolP256r1'] },
  },
} as const satisfies JsonSchema;

/** What makes a signature weak, in words. */
export type Weakness = DocumentOf<typeof WEAKNESS>;

const VERDICT = {
  state: { anyOf: [{ enum: SIGNATURE_STATES }, OTHER_WORD] },
  keyId: { type: 'string', description: '16 hex digits' },
  fingerprint: { type: 'string', description: 'of the primary key' },
  userId: { type: 'string', description: 'the first user ID of the key' },
  weakness: WEAKNESS,
} as const;

/** A package's signature, as it is shown and recorded. */
export const SIGNATURE_VERDICT = {
  type: 'object',
  properties: {
    ...VERDICT,
    received: {
      type: 'object',
      description: 'the signature that the package had when the client sent it, if the service signed it',
      properties: VERDICT,
      required: ['state'],
    },
  },
  required: ['state'],
} as const satisfies JsonSchema;

export type SignatureVerdict = DocumentOf<typeof SIGNATURE_VERDICT>;
