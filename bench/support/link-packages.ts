import { linkSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Makes a directory that holds the packages of another one as hard links: their bytes are on the disk once. */
export function linkPackages(packagesDir: string, target: string): void {
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(packagesDir)) linkSync(join(packagesDir, name), join(target, name));
}
