import { readFileSync } from 'node:fs';

// The path to package.json is the same from src/ and from dist/.
const PACKAGE = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** The version of this Rpmyard. */
export const VERSION = String(PACKAGE.version);
