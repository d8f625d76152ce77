import { randomUUID } from 'node:crypto';
import { chmod, constants, copyFile, mkdir, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, toAppError } from '../../errors.ts';
import { readFreeBytes } from '../../base/files/free-bytes.ts';
import type { RpmPackage } from '../../rpm/rpm-parser/rpm-package.ts';
import type { GpgHome } from '../../base/config/load.ts';
import { agentOptions, openPassphrase, UNATTENDED } from '../gpg-home.ts';
import { findTool, lastWords, runTool } from '../run-tool.ts';
import { formatNevra, type Nevra } from '../../rpm/nevra.ts';

/** A key that signs. */
export interface SigningKey extends GpgHome {
  /** Its fingerprint. */
  readonly id: string;
}

/** A package on disk to sign; it is not changed. */
export interface UnsignedPackage {
  readonly path: string;
  readonly nevra: Nevra;
  readonly rpm: Pick<RpmPackage, 'formatMajor'>;
}

/** A package that the service signed, in a file of its own. */
export interface SignedFile {
  readonly path: string;
  /** Removes the file and what rpmsign left beside it. */
  readonly discard: () => Promise<void>;
}

// rpmsign reads and writes the package once and waits for gpg; an agent that asks a person would wait for ever.
const RPMSIGN_LIMIT_MS = 300_000;
// Room for the signature, and for what other processes write meanwhile.
const ROOM_BYTES = 1024 * 1024;
const PRIVATE_MODE = 0o700;
const WRITABLE_MODE = 0o600;

/**
 * Makes a copy of a package with one signature, that of the service, in the place of those it had. Everything from the
 * main header on stays the same.
 * @param run.incomingDir where the copy lies, in a directory that the sweep at start removes after a crash.
 * @throws AppError PACKAGE_NOT_SIGNABLE, PACKAGE_SIGNING_FAILED, SIGNING_TOOL_*, STORAGE_FULL.
 */
export async function signPackage(
  unsigned: UnsignedPackage,
  key: SigningKey,
  { incomingDir, signal }: { readonly incomingDir: string; readonly signal: AbortSignal | undefined },
): Promise<SignedFile> {
  if (unsigned.rpm.formatMajor === 3) throw notSignable(unsigned.nevra);
  if (key.passphraseFile !== undefined) checkPassphrase(key.passphraseFile, unsigned.nevra);
  const directory = join(incomingDir, `${randomUUID()}.signing`);
  const discard = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    await mkdir(directory, { mode: PRIVATE_MODE });
    const path = join(directory, PACKAGE_FILE);
    // A copy, never a link: rpmsign writes into the file itself where the new signature fits into the old one's room,
    // and the file that was sent has other names.
    await copyFile(unsigned.path, path, constants.COPYFILE_FICLONE);
    await chmod(path, WRITABLE_MODE);
    if (key.passphraseFile !== undefined) await symlink(key.passphraseFile, join(directory, PASSPHRASE_LINK));
    await runRpmsign({ directory, nevra: unsigned.nevra, signal }, key);
    return { path, discard };
  } catch (error) {
    await discard();
    throw error;
  }
}

/** rpmsign's gpg opens the file by its name: not every version hands a descriptor on. */
function checkPassphrase(path: string, nevra: Nevra): void {
  try {
    openPassphrase(path).destroy();
  } catch (error) {
    throw signingFailed(nevra, toAppError(error).message, error);
  }
}

// Names without a directory, for which rpmsign is run in their directory: in a macro a path with a blank or a percent
// sign would become something else.
const PACKAGE_FILE = 'package.rpm';
const PASSPHRASE_LINK = 'passphrase';

interface RpmsignRun {
  /** Holds the package. */
  readonly directory: string;
  readonly nevra: Nevra;
  readonly signal: AbortSignal | undefined;
}

async function runRpmsign({ directory, nevra, signal }: RpmsignRun, key: SigningKey): Promise<void> {
  const gpgOptions = [
    ...UNATTENDED,
    ...(await agentOptions(key)),
    // No person sits at the service: a missing passphrase is an error, not a question.
    '--pinentry-mode loopback',
    ...(key.passphraseFile === undefined ? [] : [`--passphrase-file ${PASSPHRASE_LINK}`]),
  ];
  const macros = {
    // rpm 6 knows the key under the second name.
    _gpg_name: key.id,
    _openpgp_sign_id: key.id,
    _openpgp_sign: 'gpg',
    // rpm says /usr/bin/gpg2, which Debian does not have.
    __gpg: await findTool('gpg'),
    // Every rpm reads it, that of Enterprise Linux 7 too.
    _gpg_digest_algo: 'sha256',
    _gpg_sign_cmd_extra_args: gpgOptions.join(' '),
    // Older versions make a named pipe there.
    _tmppath: directory.replaceAll('%', '%%'),
  };
  const defines = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  const { exitCode, stdout, stderr } = await runTool({
    tool: 'rpmsign',
    // Other signatures go: a host trusts the keys of the service, and rpm refuses a package when it lacks the key of
    // one signature.
    args: [...defines, '--resign', PACKAGE_FILE],
    timeoutMs: RPMSIGN_LIMIT_MS,
    cwd: directory,
    signal,
    // The macros of the user have no effect.
    env: { HOME: directory, GNUPGHOME: key.gnupgHome },
  });
  if (exitCode === 0) return;
  const failure = signingFailed(nevra, lastWords({ exitCode, stderr: `${stdout}\n${stderr}` }));
  throw (await lacksRoom(directory)) ? storageFull(nevra, failure) : failure;
}

/** rpmsign writes the package twice more, removes those files when it fails, and does not say why it failed. */
async function lacksRoom(directory: string): Promise<boolean> {
  const { size } = await stat(join(directory, PACKAGE_FILE));
  const free = readFreeBytes(directory);
  return free !== undefined && free < 2 * size + ROOM_BYTES;
}

function storageFull(nevra: Nevra, cause: AppError): AppError {
  return new AppError('STORAGE_FULL', `there is not enough room to sign ${formatNevra(nevra)}`, {
    hint: 'Free disk space on the server, then send the package again.',
    cause,
  });
}

function notSignable(nevra: Nevra): AppError {
  return new AppError(
    'PACKAGE_NOT_SIGNABLE',
    `${formatNevra(nevra)} has package format 3, which rpmsign does not sign`,
    {
      hint: 'Build it again with rpm 4 or later.',
    },
  );
}

/** A failure of rpmsign is never the package's fault. */
function signingFailed(nevra: Nevra, reason: string, cause?: unknown): AppError {
  return new AppError('PACKAGE_SIGNING_FAILED', `${formatNevra(nevra)} could not be signed: ${reason}`, {
    hint: 'Nothing was stored. Correct the key, its passphrase or its agent on the server, then send the package again.',
    cause,
  });
}
