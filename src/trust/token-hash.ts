import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

// The token has a prefix of its own, so that one that leaked into a repository or a log can be searched for.
const PREFIX = 'rpmyard_';
const RANDOM_BYTES = 32;

/** A new token with 256 random bits, which is why a plain hash of it is safe to keep. */
export function newToken(): string {
  return PREFIX + randomBytes(RANDOM_BYTES).toString('base64url');
}

/** `sha256:<hex>`, as the configuration holds it. */
export function hashToken(token: string): string {
  return `sha256:${createHash('sha256').update(token).digest('hex')}`;
}

/** The entry that has this token; every entry is compared in full, so that the time tells nothing. */
export function findByToken<Entry extends { readonly hash: string }>(
  entries: readonly Entry[],
  token: string,
): Entry | undefined {
  const hash = Buffer.from(hashToken(token));
  let found: Entry | undefined;
  for (const entry of entries) {
    // Of equal length: the configuration's schema fixes the form.
    if (timingSafeEqual(Buffer.from(entry.hash), hash)) found = entry;
  }
  return found;
}
