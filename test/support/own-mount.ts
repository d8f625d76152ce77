/**
 * A wrapper for a service that sees a mount of its own at `directory`; no other process sees it, and it ends with the service.
 * @param mountArguments what mount needs beside the directory: `-t tmpfs -o size=10m tmpfs`, or `--bind /other`.
 */
export function withOwnMount(directory: string, mountArguments: string): readonly string[] {
  const script = `mkdir -p '${directory}' && mount ${mountArguments} '${directory}' && exec "$@"`;
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh'];
}

/** The path of a file as the process with its own mounts sees it, usable from outside (by root). */
export function pathInside(pid: number, path: string): string {
  return `/proc/${pid}/root${path}`;
}
