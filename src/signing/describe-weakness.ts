import type { Weakness } from './signature-verdict.ts';

/** In words, for people: `digest SHA-1, key RSA 1024`. */
export function describeWeakness({ digest, payloadDigest, key }: Weakness): string {
  return [
    ...(digest === undefined ? [] : [`digest ${digest}`]),
    ...(payloadDigest === undefined ? [] : [`payload digest ${payloadDigest}`]),
    ...(key === undefined ? [] : [`key ${key}`]),
  ].join(', ');
}
