import { dirname, join, resolve } from 'node:path';
import { parseByteSize } from './byte-size.ts';
import type { Config } from './load.ts';
import type { ConfigFile } from './schema.ts';

/**
 * What a checked file means.
 * @param folder where relative paths in the file start.
 */
export function toConfig(file: ConfigFile, folder: string): Config {
  const topDir = resolve(folder, file.repo.top_dir);
  const beside = dirname(topDir);
  const stateDir = resolve(folder, file.repo.state_dir || join(beside, 'state'));
  return {
    server: toServer(file.server, { folder, beside }),
    topDir,
    stateDir,
    layout: {
      releaseverPatterns: file.layout.releasever.map((pattern) => new RegExp(pattern, 'u')),
      noarchBasearches: file.layout.noarch,
      multilib: new Map(Object.entries(file.layout.multilib)),
    },
    reindex: toReindex(file.index_updater),
    access: toAccess(file.access, { folder, stateDir }),
    signing: toSigning(file.signing, { folder, stateDir }),
    keyrings: file.package_signatures.keyrings.map((keyring) => ({
      ...keyring,
      key_files: keyring.key_files.map((path) => resolve(folder, path)),
    })),
    batches: { keepMs: file.batches.keep_hours * 3_600_000 },
    dropDirectory: toDropDirectory(file.drop_directory, folder),
    log: { name: file.log.name, level: toPinoLevel(file.log.level) },
  };
}

function toServer(
  server: ConfigFile['server'],
  { folder, beside }: { readonly folder: string; readonly beside: string },
): Config['server'] {
  const { address, port } = server;
  return {
    listen: address.startsWith('/') ? { path: address } : { host: address, port },
    uploadPath: `/${server.prefix_url.replaceAll('/', '')}`,
    uploadHeader: server.upload_header === '' ? undefined : server.upload_header.toLowerCase(),
    publicUrl: (server.public_url || defaultPublicUrl(address, port)).replace(/\/+$/, ''),
    spoolDir: resolve(folder, server.spool_dir || join(beside, 'spool')),
    maxUploadBytes: parseByteSize(server.max_upload_bytes),
  };
}

function toReindex(updater: ConfigFile['index_updater']): Config['reindex'] {
  return {
    engine: updater.engine,
    zstdReleasevers: updater.zstd_releasevers,
    repodataTags: updater.repodata_tags,
    executable: updater.executable,
    extraArguments: updater.cmdline.split(/\s+/).filter((word) => word !== ''),
    quietMs: updater.quiet_seconds * 1000,
    maxWaitMs: updater.max_wait_seconds * 1000,
    timeoutMs: updater.timeout_seconds * 1000,
    concurrency: updater.concurrency,
    keepOldMs: updater.keep_old_hours * 3_600_000,
    keepOldBytes: parseByteSize(updater.keep_old_bytes),
  };
}

interface Places {
  readonly folder: string;
  readonly stateDir: string;
}

function toAccess(access: ConfigFile['access'], { folder, stateDir }: Places): Config['access'] {
  return {
    tokens: access.tokens,
    keys: access.keys.map((key) => ({ ...key, file: resolve(folder, key.file) })),
    requireCredentials: access.require_credentials,
    publicRead: access.public_read,
    auditLog: resolve(folder, access.audit_log || join(stateDir, 'audit.log')),
  };
}

function toSigning(signing: ConfigFile['signing'], { folder, stateDir }: Places): Config['signing'] {
  return {
    keys: signing.keys.map((key) => key.toUpperCase()),
    gnupgHome: resolve(folder, signing.gnupg_home || join(stateDir, 'gnupg')),
    passphraseFile: signing.passphrase_file === '' ? undefined : resolve(folder, signing.passphrase_file),
    isSigningPackages: signing.sign_packages,
  };
}

function toDropDirectory(dropped: ConfigFile['drop_directory'], folder: string): Config['dropDirectory'] {
  if (dropped.path === '') return undefined;
  return {
    path: resolve(folder, dropped.path),
    settleMs: dropped.settle_seconds * 1000,
    giveUpMs: dropped.give_up_seconds * 1000,
    upload: dropped.upload,
  };
}

/** The value for an empty server.public_url. */
export function defaultPublicUrl(address: string, port: number): string {
  if (address.startsWith('/')) return 'http://localhost';
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** pino's names; the original service's files say WARNING and CRITICAL. */
function toPinoLevel(level: ConfigFile['log']['level']): string {
  if (level === 'WARNING') return 'warn';
  if (level === 'CRITICAL') return 'fatal';
  return level.toLowerCase();
}
