import type { SignatureVerdict } from '../../api/signature-verdict.ts';

/**
 * Whether a verdict against the keys of `signing.keys` means that the signature need not be made again. A weak key
 * counts, because the administrator configured it: the next signature would be no better. A weak digest does not count:
 * the service makes no such signatures.
 */
export function countsAsOwn({ state, weakness }: SignatureVerdict): boolean {
  return state === 'good' || (state === 'weak' && weakness?.digest === undefined);
}
