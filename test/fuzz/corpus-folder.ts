import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { corpus as packages } from '../support/corpus.ts';
import type { TargetName } from './targets.ts';

/** Inputs that reach much of the code, and those that once broke something: a folder for each target in both. */
export const CORPUS_DIR = fileURLToPath(new URL('corpus', import.meta.url));
export const FOUND_DIR = fileURLToPath(new URL('found', import.meta.url));

/** Headers of real packages beyond this are mostly file lists. */
const MAX_PACKAGE_BYTES = 64 * 1024;

export function readInputs(dir: string, target: TargetName): readonly Buffer[] {
  const folder = join(dir, target);
  try {
    return readdirSync(folder)
      .toSorted()
      .map((name) => readFileSync(join(folder, name)));
  } catch {
    return [];
  }
}

/** The first bytes of the packages in RPMYARD_CORPUS, when there is one. */
export function readPackages(): readonly Buffer[] {
  return (packages ?? []).map(({ path }) => readFileSync(path).subarray(0, MAX_PACKAGE_BYTES));
}

/** @returns the path of the new file */
export function writeInput(dir: string, target: TargetName, input: Uint8Array): string {
  const folder = join(dir, target);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, createHash('sha256').update(input).digest('hex').slice(0, 16));
  writeFileSync(path, input);
  return path;
}
