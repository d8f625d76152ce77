import { parseArgs } from 'node:util';
import { loadConfig } from '../config/load.ts';
import { AppError, printable } from '../errors.ts';

/** `rpmyard check-config FILE`. */
export async function checkConfig(args: readonly string[]): Promise<number> {
  const { positionals } = parseArgs({ args: [...args], options: {}, allowPositionals: true });
  const [file, ...others] = positionals;
  if (file === undefined || others.length > 0) {
    throw new AppError('PARAMETER_INVALID', 'exactly one file is expected', {
      hint: 'rpmyard check-config /etc/rpmyard/config.yml',
    });
  }
  loadConfig(file);
  process.stdout.write(`${printable(file)}: usable\n`);
  return 0;
}
