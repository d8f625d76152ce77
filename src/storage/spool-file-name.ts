import { randomUUID } from 'node:crypto';
import { UUID_PATTERN } from '../base/text/uuid-pattern.ts';

/** What writes a file into the spool directory: nginx, a body that is streamed, or the probe of a start. */
export type SpoolFileKind = 'nginx' | 'stream' | 'probe';

const PATTERNS: readonly (readonly [SpoolFileKind, RegExp])[] = [
  // Source: nginx, src/core/ngx_file.c, ngx_create_temp_file(): "%010uD".
  ['nginx', /^[0-9]{10}$/],
  ['stream', new RegExp(`^${UUID_PATTERN}\\.part$`)],
  ['probe', new RegExp(`^\\.probe-${UUID_PATTERN}$`)],
];

/** Whose file this is by its name; undefined: no file of the service, and nothing touches it. */
export function spoolFileKind(name: string): SpoolFileKind | undefined {
  return PATTERNS.find(([, pattern]) => pattern.test(name))?.[0];
}

/** @param id a UUID. */
export function streamFileName(id: string): string {
  return `${id}.part`;
}

/** A new name of a file that proves that links work; it lies in the tree and in `incoming` for a moment too. */
export function newProbeName(): string {
  return `.probe-${randomUUID()}`;
}
