import { accessSync, constants, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readKeyFile } from '../trust/key-file.ts';
import { findConfigWarnings } from '../base/config/find-config-warnings.ts';
import { type Config, loadConfig } from '../base/config/load.ts';
import { AppError, errnoOf, printable, toAppError } from '../errors.ts';
import { nearestExisting } from '../base/files/nearest-existing.ts';
import { openSigner } from '../boot/open-tree.ts';
import { noteOwnAgent } from '../trust/own-agent.ts';
import { openPassphrase } from '../trust/gpg-home.ts';
import { findWeakKeys } from '../trust/find-weak-keys.ts';
import { makeKeyring } from '../trust/keyring.ts';
import { listSecretKeys } from '../trust/make-key.ts';
import { requireTool } from '../trust/run-tool.ts';
import { becomeOwner } from './become-owner.ts';
import { CHECK_CONFIG } from './commands.ts';
import { findDoubts } from './find-doubts.ts';
import { configFile, listFolders } from './read-config.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { userName } from './user-name.ts';

/** `rpmyard check-config FILE`: also checks the files that the configuration names, as the user of the service. */
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
  becomeOwner(listFolders(config));
  await using keyrings = await temporaryFolder('rpmyard-keyrings-');
  const problems = [
    ...findProblem('the file itself', () => checkReadable(path)),
    ...problemsOfFolders(config),
    ...problemsOfFiles(config),
    ...(await problemsOfKeyrings(config, keyrings.path)),
    ...(await problemsOfKeys(config, keyrings.path)),
  ];
  if (problems.length > 0) {
    throw new AppError('CONFIG_INVALID', `${file} names files that cannot be used`, {
      hint: 'Correct what is listed, and ask again as root or as the user of the service.',
      details: { problems },
    });
  }
  process.stdout.write(`${printable(file)}: usable\n${describeFolders(config)}`);
  for (const doubt of [...findConfigWarnings(config), ...(await findDoubts(config))]) {
    process.stderr.write(`warning: ${printable(doubt)}\n`);
  }
  for (const { fingerprint, weakness } of await findWeakKeys(config.signing, config.signing.keys)) {
    process.stdout.write(
      `  signing.keys: hosts of today refuse ${fingerprint} (${weakness}); "rpmyard key init --another" makes one to change over to\n`,
    );
  }
  return 0;
}

/** Folders that a start refuses: it links packages from one of these folders to the next. */
function problemsOfFolders({ topDir, stateDir, server }: Config): readonly string[] {
  const folders = { 'repo.top_dir': topDir, 'repo.state_dir': stateDir, 'server.spool_dir': server.spoolDir };
  const found = Object.entries(folders).map(([option, path]) => {
    const nearest = nearestExisting(path);
    return { option, nearest, stats: statSync(nearest) };
  });
  const files = found.filter(({ stats }) => !stats.isDirectory());
  if (files.length > 0) return files.map(({ option, nearest }) => `${option}: ${nearest} is no directory`);
  if (new Set(found.map(({ stats }) => stats.dev)).size === 1) return [];
  return [`repo: ${Object.values(folders).join(', ')} do not lie on one mount; put them below one directory`];
}

function problemsOfFiles({ access, signing }: Config): readonly string[] {
  const { passphraseFile } = signing;
  return [
    ...access.keys.flatMap(({ id, file }) => findProblem(`access.keys.${id}`, () => readKeyFile(file))),
    ...(passphraseFile === undefined
      ? []
      : findProblem('signing.passphrase_file', () => openPassphrase(passphraseFile).destroy())),
  ];
}

/** Reads the public keys as a start does. */
async function problemsOfKeyrings({ keyrings }: Config, directory: string): Promise<readonly string[]> {
  const problems: string[] = [];
  if (keyrings.length > 0) {
    problems.push(...(await findFault('package_signatures.keyrings', () => requireTool('gpgv'))));
  }
  for (const [index, { key_files: files }] of keyrings.entries()) {
    const path = `package_signatures.keyrings.${index}`;
    const unreadable = files.flatMap((file) => findProblem(path, () => checkReadable(file)));
    const make = (): Promise<unknown> => makeKeyring(files, join(directory, String(index)));
    problems.push(...(unreadable.length > 0 ? unreadable : await findFault(path, make)));
  }
  return problems;
}

/** The first key signs, so it is tried; hosts get only the public part of the others. */
async function problemsOfKeys(config: Config, directory: string): Promise<readonly string[]> {
  const { signing } = config;
  const [key] = signing.keys;
  const signer = openSigner(config, directory);
  if (key === undefined || signer === undefined) return [];
  const endAgent = await noteOwnAgent(signing);
  const problems = await findFault('signing.keys', async () => {
    const present = await listSecretKeys(signing);
    if (!present.some((fingerprint) => fingerprint.endsWith(key))) {
      throw new AppError('SIGNING_FAILED', `${key} is no secret key in ${signing.gnupgHome}`, {
        hint: `Name one that is there (${present.join(', ') || 'none'}), or make one with "rpmyard key init".`,
      });
    }
    const fault = await signer.findFault();
    if (fault !== undefined) throw fault;
    await signer.exportKeys();
    if (signing.isSigningPackages) await requireTool('rpmsign');
  });
  await endAgent();
  return problems;
}

function findProblem(path: string, look: () => unknown): readonly string[] {
  try {
    look();
    return [];
  } catch (error) {
    return [problemText(path, error)];
  }
}

async function findFault(path: string, look: () => Promise<unknown>): Promise<readonly string[]> {
  try {
    await look();
    return [];
  } catch (error) {
    return [problemText(path, error)];
  }
}

function problemText(path: string, error: unknown): string {
  const { message, hint } = toAppError(error);
  return `${path}: ${message}. ${hint}`;
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

/** Where everything lies, and which user owns it. */
function describeFolders({ topDir, stateDir, server, dropDirectory, signing }: Config): string {
  const folders = [
    ['repo.top_dir', topDir],
    ['repo.state_dir', stateDir],
    ['server.spool_dir', server.spoolDir],
    ...(dropDirectory === undefined ? [] : [['drop_directory.path', dropDirectory.path]]),
    ...(signing.keys.length === 0 ? [] : [['signing.gnupg_home', signing.gnupgHome]]),
  ] as const;
  const lines = folders.map(
    ([name, path = '']) => `  ${name}: ${printable(path)} (${describeOwner(path)})\n`,
  );
  return lines.join('');
}

function describeOwner(path: string): string {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats === undefined ? 'not there yet' : `of ${userName(stats.uid)}`;
  } catch (error) {
    return `cannot be looked at: ${errnoOf(error) ?? String(error)}`;
  }
}
