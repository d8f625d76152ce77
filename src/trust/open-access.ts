import { createAccess, type Access, type AccessOptions, type NonceRecords } from './access.ts';
import { readKeyFile } from './key-file.ts';
import { writeLocalToken } from './local-token.ts';
import { newToken } from './token-hash.ts';

/** The access section of the configuration. */
export interface AccessConfig {
  readonly tokens: AccessOptions['tokens'];
  readonly keys: readonly (Omit<AccessOptions['keys'][number], 'secret'> & { readonly file: string })[];
  readonly requireCredentials: boolean;
  readonly publicRead: readonly string[];
}

/** The part of pino that is used here. */
interface AccessLog {
  warn(facts: object, message: string): void;
}

/** Reads the key files and makes the token of local commands. @throws AppError CONFIG_INVALID. */
export function openAccess(
  { tokens, keys, requireCredentials, publicRead }: AccessConfig,
  service: {
    readonly stateDir: string;
    readonly nonces: NonceRecords;
    /** See AccessOptions. */
    readonly publicPath: string;
    readonly now: () => number;
    readonly log: AccessLog;
  },
): Access {
  const { stateDir, nonces, publicPath, now, log } = service;
  if (tokens.length === 0 && keys.length === 0) {
    const consequence = requireCredentials
      ? 'no client may upload yet'
      : 'every client that reaches this service may upload';
    log.warn({}, `no access rules: ${consequence}; "rpmyard token new NAME" makes the first one`);
  }
  return createAccess({
    tokens,
    keys: keys.map((key) => ({ ...key, secret: readKeyFile(key.file) })),
    requireCredentials,
    publicRead,
    localToken: localToken(stateDir, log),
    nonces,
    publicPath,
    now,
  });
}

function localToken(stateDir: string, log: AccessLog): string {
  try {
    return writeLocalToken(stateDir);
  } catch (error) {
    // On a full disk the service still serves; only commands on this machine will need a token.
    log.warn({ err: error }, 'no token for commands on this machine');
    return newToken();
  }
}
