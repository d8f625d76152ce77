import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { AppError } from '../errors.ts';

const MIN_BYTES = 32;
const MAX_BYTES = 4096;

/**
 * The secret in a file that only its owner may read; white space at its ends is not part of it.
 * @throws AppError CONFIG_INVALID when it cannot be read, others can read it, or it is too short.
 */
export function readKeyFile(path: string): Buffer {
  const secret = Buffer.from(readPrivate(path).trim());
  if (secret.length >= MIN_BYTES) return secret;
  throw invalid(
    path,
    `holds ${secret.length} bytes, at least ${MIN_BYTES} are needed`,
    `Fill it anew: openssl rand -hex 32 > ${path}`,
  );
}

function readPrivate(path: string): string {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (cause) {
    throw invalid(path, 'cannot be read', 'Make it readable for the user of this service.', cause);
  }
  try {
    const { mode, size } = fstatSync(descriptor);
    if ((mode & 0o077) !== 0) throw invalid(path, 'can be read by others', `Run: chmod 600 ${path}`);
    if (size > MAX_BYTES)
      throw invalid(path, `has ${size} bytes, at most ${MAX_BYTES} are taken`, 'Name a key file.');
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

function invalid(path: string, fault: string, hint: string, cause?: unknown): AppError {
  return new AppError('CONFIG_INVALID', `the key file ${path} ${fault}`, { hint, cause });
}
