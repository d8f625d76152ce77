/** Runs something under another umask, which is the process's: nothing else may run meanwhile. */
export async function withUmask<T>(umask: number, run: () => Promise<T>): Promise<T> {
  const former = process.umask(umask);
  try {
    return await run();
  } finally {
    process.umask(former);
  }
}
