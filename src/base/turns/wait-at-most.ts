const LATE = Symbol('late');

/**
 * Waits for what is under way, but no longer than the limit. What is late goes on; its result and its failure are dropped.
 * @param late gives the answer when the time is up, or throws.
 * @param ref false for a wait that must not keep a process from ending.
 */
export async function waitAtMost<Answer, Late>(
  limitMs: number,
  underWay: Answer | Promise<Answer>,
  late: () => Late,
  { ref = true }: { readonly ref?: boolean } = {},
): Promise<Answer | Late> {
  const timeUp = Promise.withResolvers<typeof LATE>();
  const timer = setTimeout(timeUp.resolve, limitMs, LATE);
  if (!ref) timer.unref();
  try {
    const first = await Promise.race([underWay, timeUp.promise]);
    return first === LATE ? late() : first;
  } finally {
    clearTimeout(timer);
  }
}
