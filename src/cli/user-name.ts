import { readFileSync } from 'node:fs';

/** The name of a user of this machine, or `user 990` where /etc/passwd has none. */
export function userName(uid: number): string {
  return namesById().get(uid) ?? `user ${uid}`;
}

function namesById(): ReadonlyMap<number, string> {
  // name:password:uid:..., passwd(5)
  const entries = passwd().map((line) => line.split(':'));
  return new Map(entries.map(([name = '', , uid = '']) => [Number(uid), name]));
}

function passwd(): readonly string[] {
  try {
    return readFileSync('/etc/passwd', 'utf8').trimEnd().split('\n');
  } catch {
    return [];
  }
}
