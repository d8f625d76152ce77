import { parseArgs } from 'node:util';
import type { Right } from '../trust/rights.ts';
import { hashToken, newToken } from '../trust/token-hash.ts';
import { CLIENT_NAME_PATTERN } from '../base/config/schema.ts';
import { AppError } from '../errors.ts';
import { checkGlobs } from './check-globs.ts';
import { TOKEN } from './commands.ts';
import { configEntry } from './config-entry.ts';

const RIGHTS: readonly Right[] = ['upload', 'read', 'delete', 'admin'];
const NAME = new RegExp(CLIENT_NAME_PATTERN);

/** `rpmyard token new NAME`: prints a token, which cannot be printed again, and its entry for the configuration. */
export async function token(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: TOKEN.options,
    allowPositionals: true,
  });
  const [action, name, ...others] = positionals;
  if (action !== 'new' || name === undefined || others.length > 0 || !NAME.test(name)) {
    throw new AppError('PARAMETER_INVALID', 'expected: token new NAME', {
      hint: 'A name has letters, digits, dots, dashes, underscores and @, such as ci or alice@laptop.',
    });
  }
  const grants = RIGHTS.flatMap((right) =>
    values[right] === undefined ? [] : [grant(right, values[right])],
  );
  const secret = newToken();
  const entry = [
    `- name: '${name}'`,
    `  hash: '${hashToken(secret)}'`,
    ...(grants.length === 0 ? ["  upload: ['*']"] : grants),
  ];
  process.stdout.write(
    `The token of ${name}; it is not kept and cannot be shown again:\n\n  ${secret}\n\n` +
      configEntry({ section: 'access', key: 'tokens', entry }),
  );
  return 0;
}

function grant(right: Right, globs: readonly string[]): string {
  checkGlobs(`--${right}`, globs);
  return `  ${right}: [${globs.map((glob) => `'${glob}'`).join(', ')}]`;
}
