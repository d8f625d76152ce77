import { accessSync, constants } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readKeyFile } from '../access/key-file.ts';
import { findWarnings } from '../config/find-warnings.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { AppError, errnoOf, printable, toAppError } from '../errors.ts';
import { openPassphrase } from '../signing/gpg-home.ts';
import { findWeakKeys } from '../signing/find-weak-keys.ts';
import { listSecretKeys } from '../signing/make-key.ts';
import { becomeOwner } from './become-owner.ts';
import { CHECK_CONFIG } from './commands.ts';
import { configFile, foldersOf } from './read-config.ts';

/** `rpmyard check-config FILE`: also looks at the files that it names, as the user of the service sees them. */
export async function checkConfig(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: CHECK_CONFIG.options,
    allowPositionals: true,
  });
  const named = values.config === undefined ? positionals : [values.config, ...positionals];
  const [given, ...others] = named;
  const file = configFile(given);
  if (file === undefined || others.length > 0) {
    throw new AppError('PARAMETER_INVALID', 'exactly one file is expected', {
      hint: 'rpmyard check-config /etc/rpmyard/config.yml',
    });
  }
  const path = resolve(file);
  const config = loadConfig(path);
  becomeOwner(foldersOf(config));
  const problems = [
    ...problemOf('the file itself', () => checkReadable(path)),
    ...problemsOfFiles(config),
    ...(await problemsOfKeys(config)),
  ];
  if (problems.length > 0) {
    throw new AppError('CONFIG_INVALID', `${file} names files that cannot be used`, {
      hint: 'Correct what is listed, and ask again as the user of the service (runuser -u <user> -- rpmyard ...).',
      details: { problems },
    });
  }
  for (const warning of findWarnings(config)) process.stderr.write(`warning: ${printable(warning)}\n`);
  process.stdout.write(`${printable(file)}: usable\n`);
  for (const { fingerprint, weakness } of await findWeakKeys(config.signing, config.signing.keys)) {
    process.stdout.write(
      `  signing.keys: hosts of today refuse ${fingerprint} (${weakness}); "rpmyard key init --another" makes one to change over to\n`,
    );
  }
  return 0;
}

function problemsOfFiles({ access, signing, keyrings }: Config): readonly string[] {
  const { passphraseFile } = signing;
  return [
    ...access.keys.flatMap(({ id, file }) => problemOf(`access.keys.${id}`, () => readKeyFile(file))),
    ...(passphraseFile === undefined
      ? []
      : problemOf('signing.passphrase_file', () => openPassphrase(passphraseFile).destroy())),
    ...keyrings.flatMap(({ key_files: files }, index) =>
      files.flatMap((file) => problemOf(`package_signatures.keyrings.${index}`, () => checkReadable(file))),
    ),
  ];
}

/** The first key signs; of the others hosts get the public part alone. */
async function problemsOfKeys({ signing }: Config): Promise<readonly string[]> {
  const [signer] = signing.keys;
  if (signer === undefined) return [];
  try {
    const present = await listSecretKeys(signing);
    if (present.some((fingerprint) => fingerprint.endsWith(signer))) return [];
    return [
      `signing.keys: ${signer} is no secret key in ${signing.gnupgHome}. Name one that is there (${present.join(', ') || 'none'}), or make one with "rpmyard key init".`,
    ];
  } catch (error) {
    const { message, hint } = toAppError(error);
    return [`signing.keys: ${message}. ${hint}`];
  }
}

function problemOf(path: string, look: () => unknown): readonly string[] {
  try {
    look();
    return [];
  } catch (error) {
    const { message, hint } = toAppError(error);
    return [`${path}: ${message}. ${hint}`];
  }
}

function checkReadable(file: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (cause) {
    throw new AppError('CONFIG_INVALID', `${file} cannot be read (${errnoOf(cause)})`, {
      hint: 'Name a file that the user of the service may read.',
      cause,
    });
  }
}
