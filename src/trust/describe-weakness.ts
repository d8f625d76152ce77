import type { Weakness } from '../api/signature-verdict.ts';

/** The weakness in words: `digest SHA-1, key RSA 1024`. */
export function describeWeakness({ digest, key }: Weakness): string {
  return [
    ...(digest === undefined ? [] : [`digest ${digest}`]),
    ...(key === undefined ? [] : [`key ${key}`]),
  ].join(', ');
}
