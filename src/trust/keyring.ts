import { access, constants, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import type { GpgHome } from '../base/config/load.ts';
import { type ListedKey, readKeyList } from './signing/read-key-list.ts';
import { type GpgCall, LIST_KEYS, runGpg } from './signing/run-gpg.ts';
import { lastWords } from './run-tool.ts';

/** Public keys in the form that gpgv reads. */
export interface Keyring {
  /** Absolute path. */
  readonly path: string;
  /** A directory of the service, so that gpgv reads no settings of a user. */
  readonly homeDir: string;
  /** Its keys and subkeys by fingerprint. */
  readonly keys: ReadonlyMap<string, ListedKey>;
}

type EmptyKeyring = Omit<Keyring, 'keys'>;

// Importing the keyring of a whole distribution takes a second.
const IMPORT_LIMIT_MS = 60_000;
const HOME_MODE = 0o700;

/**
 * Imports key files, armored or not, into a keyring of its own; what was in the directory before is removed.
 * @throws AppError CONFIG_INVALID naming each file that cannot be read or holds no key, SIGNING_TOOL_*.
 */
export async function makeKeyring(keyFiles: readonly string[], homeDir: string): Promise<Keyring> {
  const keyring = await emptyKeyring(homeDir);
  const problems: string[] = [];
  for (const keyFile of keyFiles) {
    const problem = await importFile(keyFile, keyring);
    if (problem !== undefined) problems.push(`${keyFile}: ${problem}`);
  }
  if (problems.length === 0) return withKeys(keyring);
  throw new AppError('CONFIG_INVALID', `keys of package_signatures cannot be used: ${problems.join('; ')}`, {
    hint: 'Name files with public OpenPGP keys, as "gpg --export --armor KEY" writes them, that the service may read.',
    details: { problems },
  });
}

/**
 * The same with keys that gpg exported.
 * @throws AppError SIGNING_FAILED, SIGNING_TOOL_*.
 */
export async function makeKeyringFrom(armoredKeys: string, homeDir: string): Promise<Keyring> {
  const keyring = await emptyKeyring(homeDir);
  const problem = await importKeys({ args: [], input: armoredKeys }, keyring);
  if (problem === undefined) return withKeys(keyring);
  throw new AppError('SIGNING_FAILED', `what gpg exported ${problem}`, {
    hint: 'See that signing.keys names keys of OpenPGP that the installed gpg knows.',
  });
}

async function emptyKeyring(homeDir: string): Promise<EmptyKeyring> {
  await rm(homeDir, { recursive: true, force: true });
  await mkdir(homeDir, { recursive: true, mode: HOME_MODE });
  return { path: join(homeDir, 'keys.kbx'), homeDir };
}

async function importFile(keyFile: string, keyring: EmptyKeyring): Promise<string | undefined> {
  try {
    await access(keyFile, constants.R_OK);
  } catch {
    return 'cannot be read';
  }
  return importKeys({ args: ['--', keyFile] }, keyring);
}

/** The reason why keys are not in the keyring. */
async function importKeys(
  { args, input }: Pick<GpgCall, 'args' | 'input'>,
  { path, homeDir }: EmptyKeyring,
): Promise<string | undefined> {
  const result = await runGpg(toGpgHome(homeDir), {
    args: ['--no-default-keyring', '--keyring', path, '--import', ...args],
    ...(input !== undefined && { input }),
    timeoutMs: IMPORT_LIMIT_MS,
  });
  const isImported = result.status.some((line) => line.startsWith('IMPORT_OK '));
  return isImported ? undefined : `holds no public key (${lastWords(result)})`;
}

/** gpgv says which key signed, but not how strong it is. */
async function withKeys(keyring: EmptyKeyring): Promise<Keyring> {
  const { path, homeDir } = keyring;
  const { stdout } = await runGpg(toGpgHome(homeDir), {
    args: ['--no-default-keyring', '--keyring', path, ...LIST_KEYS, '--list-keys'],
    timeoutMs: IMPORT_LIMIT_MS,
  });
  return { ...keyring, keys: new Map(readKeyList(stdout).map((key) => [key.fingerprint, key])) };
}

function toGpgHome(homeDir: string): GpgHome {
  return { gnupgHome: homeDir, passphraseFile: undefined };
}
