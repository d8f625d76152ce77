import pLimit from 'p-limit';

// Enough to keep a disk busy, far below the limit of open files.
const AT_ONCE = 8;

/** Does something for each item, some at a time; all have ended when it returns, and the first failure is thrown then. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  task: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const limit = pLimit(AT_ONCE);
  const settled = await Promise.allSettled(items.map((item) => limit(() => task(item))));
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}
