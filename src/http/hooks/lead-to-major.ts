import { lstatSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The longer names that hosts have for their releasever: `7Server` and the like (Enterprise Linux 5 to 7), `9.4` (a minor number),
 * `8-stream`, `10-beta`, `10-kitten` (AlmaLinux), `15-SP6`. nginx/http.conf has the same pattern.
 */
const LONG_RELEASEVER =
  /^(?<long>(?<major>[1-9][0-9]*)(?![0-9/?]|$)(?:Server|Client|Workstation|ComputeNode)?(?:\.[0-9]+)*(?:-(?:stream|beta|kitten|SP[0-9]+))?)(?<rest>(?:[/?].*)?)$/su;

/**
 * Leads a host that calls its releasever by more than the major number to the repositories of that number, so that one .repo
 * file with `$releasever` serves all hosts: `9.4/x86_64/` is `9/x86_64/` unless the tree has a directory `9.4`.
 * @param path below /repo/, decoded or as it was sent.
 */
export function leadToMajor(path: string, topDir: string): string {
  const { long, major = '', rest = '' } = LONG_RELEASEVER.exec(path)?.groups ?? {};
  if (long === undefined || isDirectory(join(topDir, long))) return path;
  return major + rest;
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
