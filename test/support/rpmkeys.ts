import { mkdir } from 'node:fs/promises';
import { execa } from 'execa';

const RPMKEYS_LIMIT_MS = 120_000;

/** What rpm says of a package's signatures with these keys, in our words. */
export interface RpmVerdict {
  readonly state: 'good' | 'unknown-key' | 'bad' | 'unsigned';
  readonly report: string;
}

/** rpm with a database of its own that holds nothing but these keys. */
export async function createRpmJudge(
  dbDir: string,
  keyFiles: readonly string[],
): Promise<(path: string) => Promise<RpmVerdict>> {
  await mkdir(dbDir, { recursive: true });
  for (const keyFile of keyFiles) await execa('rpmkeys', ['--dbpath', dbDir, '--import', keyFile]);
  return async (path) => {
    const { all: report } = await execa('rpmkeys', ['--dbpath', dbDir, '-Kv', path], {
      all: true,
      reject: false,
      timeout: RPMKEYS_LIMIT_MS,
      env: { LC_ALL: 'C.UTF-8' },
    });
    return { state: stateIn(report), report };
  };
}

/** `    Header V4 RSA/SHA256 Signature, key ID 1234abcd: OK`: the worst decides, as in rpm's exit code. */
function stateIn(report: string): RpmVerdict['state'] {
  const results = [...report.matchAll(/^ {4}.*signature.*?: (?<result>OK|NOKEY|BAD|NOTTRUSTED)/gim)].map(
    ({ groups }) => groups?.['result'],
  );
  if (results.includes('BAD')) return 'bad';
  if (results.includes('OK')) return 'good';
  return results.length > 0 ? 'unknown-key' : 'unsigned';
}
