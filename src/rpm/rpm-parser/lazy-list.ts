/**
 * A list whose items are decoded from the header's bytes each time it is iterated, and never kept: a
 * package may announce a million of them.
 */
export interface LazyList<Item> extends Iterable<Item> {
  readonly length: number;
}

/** A list of `length` items; `iterate` starts over each time. */
export function lazyList<Item>(length: number, iterate: () => Iterator<Item>): LazyList<Item> {
  return { length, [Symbol.iterator]: iterate };
}

export const EMPTY_LIST: LazyList<never> = [];
