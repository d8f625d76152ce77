import { join } from 'node:path';
import { matchesAnyGlob } from '../repository-globs.ts';
import { type Keyring, makeKeyring } from './keyring.ts';
import { requireTool } from './run-tool.ts';

/** Whose packages a repository takes. */
export interface RepositoryKeyring {
  readonly keyring: Keyring;
  /** Whether every package must have a good signature by one of its keys. */
  readonly isSignatureRequired: boolean;
}

/** The keyring of a repository, or undefined for one that nobody named. */
export type FindKeyring = (repository: string) => RepositoryKeyring | undefined;

interface KeyringEntry {
  readonly repositories: readonly string[];
  readonly key_files: readonly string[];
  readonly require?: 'none' | 'signed';
}

/**
 * Makes the keyrings of the configuration in a directory; the first entry that names a repository counts.
 * @throws AppError CONFIG_INVALID, SIGNING_TOOL_MISSING.
 */
export async function makePackageKeyrings(
  entries: readonly KeyringEntry[],
  directory: string,
): Promise<FindKeyring> {
  if (entries.length > 0) await requireTool('gpgv');
  const keyrings: (RepositoryKeyring & { readonly names: (repository: string) => boolean })[] = [];
  for (const [index, entry] of entries.entries()) {
    keyrings.push({
      names: matchesAnyGlob(entry.repositories),
      keyring: await makeKeyring(entry.key_files, join(directory, String(index))),
      isSignatureRequired: entry.require === 'signed',
    });
  }
  return (repository) => keyrings.find(({ names }) => names(repository));
}
