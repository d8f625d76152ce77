import type { SignatureVerdict } from './signature-verdict.ts';

/**
 * Whether a verdict against our own keys means that the signature need not be made again. A weak key counts: it is what
 * the administrator configured, and the next signature would be no better. A weak digest does not: we make none.
 */
export function countsAsOwn({ state, weakness }: SignatureVerdict): boolean {
  return state === 'good' || (state === 'weak' && weakness?.digest === undefined);
}
