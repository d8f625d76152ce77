const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether requests of this method only read: they have no body, and leave the server as it is. */
export function changesNothing(method: string): boolean {
  return READING.has(method);
}
