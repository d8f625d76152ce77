// It names a directory; long enough for the tag of a build job.
const BATCH_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** True for a name that a client may give to a batch. */
export function isBatchId(id: string): boolean {
  return BATCH_ID.test(id);
}
