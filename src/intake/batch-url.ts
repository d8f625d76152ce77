/** Where a client reads a batch; its commit and its packages are below it. */
export function batchUrl(publicUrl: string, id: string): string {
  return `${publicUrl}/api/v1/batches/${id}`;
}
