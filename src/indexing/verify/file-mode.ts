import type { Finding } from '../violation.ts';

const READABLE_FOR_ALL = 0o444;
const PERMISSIONS = 0o7777;

/** The fault in the permissions of a file that a web server of another user should serve. */
export function modeFinding(subject: string, mode: number): Finding | undefined {
  if ((mode & READABLE_FOR_ALL) === READABLE_FOR_ALL) return undefined;
  const octal = (mode & PERMISSIONS).toString(8).padStart(4, '0');
  return { code: 'FILE_MODE_WRONG', subject, detail: `its mode is ${octal}: not every user may read it` };
}
