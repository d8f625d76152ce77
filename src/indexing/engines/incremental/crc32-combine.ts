// Polynomials over GF(2) of degree 31 and less, the coefficient of x^0 in the highest bit, as CRC-32 has them.
const CRC32_POLYNOMIAL = 0xedb88320;
const X_TO_0 = 0x80000000;
const X_TO_8 = 0x00800000;

/**
 * The CRC-32 of two texts one after the other, from the CRC-32 of each and the second one's length: appending n bytes
 * multiplies the polynomial of the first by x^(8n).
 * Source of the polynomial and the bit order: RFC 1952, section 8.
 */
export function crc32Combine(first: number, second: number, secondBytes: number): number {
  return (multiply(powerOfX8(secondBytes), first) ^ second) >>> 0;
}

/** x^(8n) modulo the polynomial, by squaring. */
function powerOfX8(n: number): number {
  let power = X_TO_0;
  let square = X_TO_8;
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = multiply(square, power);
    square = multiply(square, square);
  }
  return power;
}

function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = X_TO_0; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= shifted;
    shifted = (shifted & 1) === 1 ? (shifted >>> 1) ^ CRC32_POLYNOMIAL : shifted >>> 1;
  }
  return product >>> 0;
}
