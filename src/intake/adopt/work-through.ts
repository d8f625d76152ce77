/** Handles items in their order, `concurrency` at a time, without a promise for each; `work` must not reject. */
export async function workThrough<Item>(
  items: readonly Item[],
  options: {
    readonly concurrency: number;
    readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
  },
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const remaining = items.values();
  let done = 0;
  const workOff = async (): Promise<void> => {
    for (const item of remaining) {
      await work(item);
      done += 1;
      options.onProgress({ done, total: items.length });
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, workOff));
}
