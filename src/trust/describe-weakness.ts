import type { Weakness } from '../api/signature-verdict.ts';

/** In words, for people: `digest SHA-1, key RSA 1024`. */
export function describeWeakness({ digest, key }: Weakness): string {
  return [
    ...(digest === undefined ? [] : [`digest ${digest}`]),
    ...(key === undefined ? [] : [`key ${key}`]),
  ].join(', ');
}
