/** The whole numbers from 1 up to `end`, which is none of them. */
export function countUp(end: number): readonly number[] {
  return Array.from({ length: end - 1 }, (_, index) => index + 1);
}
