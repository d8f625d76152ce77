const SIGNATURE_TAG = 2;
const PARTIAL_LENGTH = 'partial' as const;

/**
 * Whether bytes are exactly one OpenPGP signature packet. A verifier must get nothing else: given a whole signed
 * message, or a second signature, in the place of a signature, a tool judges otherwise than rpm.
 *
 * Source: RFC 9580, section 4.2 (packet headers).
 */
export function isSignaturePacket(bytes: Uint8Array): boolean {
  const [first = 0, ...lengthBytes] = bytes.subarray(0, 6);
  if ((first & 0x80) === 0) return false;
  const isNewFormat = (first & 0x40) !== 0;
  const tag = isNewFormat ? first & 0x3f : (first >> 2) & 0x0f;
  if (tag !== SIGNATURE_TAG) return false;
  const length = isNewFormat ? readNewLength(lengthBytes) : readOldLength(lengthBytes, first & 0x03);
  return (
    length !== PARTIAL_LENGTH &&
    length.bodyBytes > 0 &&
    1 + length.ownBytes + length.bodyBytes === bytes.length
  );
}

type Length = { readonly ownBytes: number; readonly bodyBytes: number } | typeof PARTIAL_LENGTH;

/** Source: RFC 9580, section 4.2.1. */
function readNewLength(bytes: readonly number[]): Length {
  const [first = 0, second = 0] = bytes;
  if (first < 192) return { ownBytes: 1, bodyBytes: first };
  if (first < 224) return { ownBytes: 2, bodyBytes: (first - 192) * 256 + second + 192 };
  if (first === 255) return { ownBytes: 5, bodyBytes: bigEndian(bytes.slice(1, 5)) };
  return PARTIAL_LENGTH;
}

/** Source: RFC 9580, section 4.2.2. */
function readOldLength(bytes: readonly number[], lengthType: number): Length {
  const ownBytes = [1, 2, 4][lengthType];
  if (ownBytes === undefined) return PARTIAL_LENGTH;
  return { ownBytes, bodyBytes: bigEndian(bytes.slice(0, ownBytes)) };
}

function bigEndian(bytes: readonly number[]): number {
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}
