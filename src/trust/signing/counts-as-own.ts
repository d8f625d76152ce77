import type { SignatureVerdict } from '../../api/signature-verdict.ts';

/**
 * Whether a verdict against the keys of `signing.keys` means that the signature need not be made again. A weak key counts, since
 * it is what the administrator configured: the next signature would be no better. A weak digest of its own does not count: we
 * make none.
 */
export function countsAsOwn({ state, weakness }: SignatureVerdict): boolean {
  return state === 'good' || (state === 'weak' && weakness?.digest === undefined);
}
