import { readFileSync } from 'node:fs';

// As far from package.json in src/ as in dist/.
const PACKAGE = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** Which Rpmyard this is. */
export const VERSION = String(PACKAGE.version);
