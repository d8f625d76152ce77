import { findWeakDigest, findWeakKey } from './signing/find-weakness.ts';
import type { GpgHome } from '../base/config/load.ts';
import { type ListedKey, readKeyList } from './signing/read-key-list.ts';
import { LIST_KEYS, runGpg } from './signing/run-gpg.ts';

/** A key of `signing.keys` that hosts of today refuse. */
export interface WeakKey {
  readonly fingerprint: string;
  /** In words: `key RSA 1024`. */
  readonly weakness: string;
}

/**
 * Those of the named keys whose signatures or public parts hosts of today refuse: weak keys that sign, and keys that hold
 * their user ids by a weak digest, which Enterprise Linux 9 does not import. @throws AppError SIGNING_TOOL_*.
 */
export async function findWeakKeys(home: GpgHome, keys: readonly string[]): Promise<readonly WeakKey[]> {
  // Without a name gpg lists every key that it has.
  if (keys.length === 0) return [];
  const { stdout } = await runGpg(home, { args: [...LIST_KEYS, '--list-sigs', '--', ...keys] });
  return readKeyList(stdout).flatMap(findWeaknesses);
}

function findWeaknesses(listed: ListedKey): readonly WeakKey[] {
  const { fingerprint, primary, canSign, certifyingDigests } = listed;
  // For a signature by a subkey too, a host first imports the primary key.
  const weakKey = primary === undefined || canSign ? findWeakKey(listed) : undefined;
  const digests = new Set(certifyingDigests.flatMap((digest) => findWeakDigest(digest) ?? []));
  const reasons = [
    ...(weakKey === undefined ? [] : [`key ${weakKey}`]),
    ...[...digests].map((digest) => `its user id signed with ${digest}`),
  ];
  return reasons.length === 0 ? [] : [{ fingerprint, weakness: reasons.join(', ') }];
}
