import { access, constants, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import { lastLines, runTool } from './run-tool.ts';

/** Public keys in the form that gpgv reads. */
export interface Keyring {
  /** Absolute path. */
  readonly path: string;
  /** A directory of ours, so that gpgv reads nobody's own settings. */
  readonly homeDir: string;
}

// A keyring of a whole distribution is imported in a second.
const IMPORT_LIMIT_MS = 60_000;
const HOME_MODE = 0o700;

/**
 * Imports key files, armored or not, into a keyring of its own; what was in the directory before is removed.
 * @throws AppError CONFIG_INVALID naming each file that cannot be read or holds no key, SIGNING_TOOL_MISSING.
 */
export async function makeKeyring(keyFiles: readonly string[], homeDir: string): Promise<Keyring> {
  await rm(homeDir, { recursive: true, force: true });
  await mkdir(homeDir, { recursive: true, mode: HOME_MODE });
  const keyring = { path: join(homeDir, 'keys.kbx'), homeDir };
  const problems: string[] = [];
  for (const keyFile of keyFiles) {
    const problem = await importKeys(keyFile, keyring);
    if (problem !== undefined) problems.push(`${keyFile}: ${problem}`);
  }
  if (problems.length === 0) return keyring;
  throw new AppError('CONFIG_INVALID', `keys of package_signatures cannot be used: ${problems.join('; ')}`, {
    hint: 'Name files with public OpenPGP keys, as "gpg --export --armor KEY" writes them, that the service may read.',
    details: { problems },
  });
}

/** What keeps a file's keys out of the keyring. */
async function importKeys(keyFile: string, { path, homeDir }: Keyring): Promise<string | undefined> {
  try {
    await access(keyFile, constants.R_OK);
  } catch {
    return 'cannot be read';
  }
  const keyringOptions = ['--no-default-keyring', '--keyring', path];
  const { stdout, stderr } = await runTool({
    tool: 'gpg',
    args: [...quietOptions(homeDir), '--status-fd', '1', ...keyringOptions, '--import', '--', keyFile],
    timeoutMs: IMPORT_LIMIT_MS,
  });
  return /^\[GNUPG:\] IMPORT_OK /m.test(stdout) ? undefined : `holds no public key (${lastLines(stderr)})`;
}

/** Options of a gpg that asks nobody, starts nothing and trusts what it is told. */
function quietOptions(homeDir: string): readonly string[] {
  return [
    '--homedir',
    homeDir,
    '--batch',
    '--no-tty',
    '--no-autostart',
    '--no-auto-check-trustdb',
    '--trust-model',
    'always',
  ];
}
