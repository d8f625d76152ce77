import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { AppError } from '../errors.ts';
import type { CommandConfig } from './read-config.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

// Where the packages and the README put the service's file; the second path lies in the directory that the command is
// called in.
const USUAL_FILES = ['/etc/rpmyard/config.yml', 'config.yml'];

/** @throws AppError TREE_MISSING when a command has no tree to work on, most often because -c is missing. */
export function demandTree(config: CommandConfig): void {
  if (!existsSync(config.topDir)) throw treeMissing(`there is no tree at ${config.topDir}`, config);
}

/**
 * Without a configuration file, a tree without a repository is hardly the one that was meant: a trial of `npm start`
 * leaves such trees.
 * @throws AppError TREE_MISSING.
 */
export function demandRepository(repositories: readonly RepositoryName[], config: CommandConfig): void {
  if (repositories.length > 0 || config.file !== undefined) return;
  throw treeMissing(`there is no repository in ${config.topDir}`, config);
}

function treeMissing(fault: string, { file }: CommandConfig): AppError {
  if (file !== undefined) {
    return new AppError('TREE_MISSING', `${fault}, where ${file} has it`, {
      hint: 'The service makes it when it starts. See that this is the configuration file of the service, and that repo.top_dir in it is right.',
    });
  }
  const found = USUAL_FILES.map((path) => resolve(path)).find((path) => existsSync(path));
  const which = found === undefined ? '-c FILE, or RPMYARD_CONFIG' : `-c ${found} (it is there)`;
  return new AppError('TREE_MISSING', `${fault}, where a command without a configuration file looks`, {
    hint: `Name the configuration file of the service: ${which}. Of a service without one: go to the directory that it was started in, or name its --data DIR.`,
  });
}
