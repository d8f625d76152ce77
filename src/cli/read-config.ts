import { resolve } from 'node:path';
import { type Config, type ConfigOverrides, embeddedConfig, loadConfig } from '../base/config/load.ts';
import { AppError, printable } from '../errors.ts';
import { CONFIG_VARIABLE } from './commands.ts';

/** The options of a command that choose its configuration. */
export interface ConfigChoice {
  /** -c */
  readonly config?: string | undefined;
  /** --data */
  readonly data?: string | undefined;
}

/** The configuration that a command works with. */
export interface CommandConfig extends Config {
  /** Undefined: the built-in one. */
  readonly file: string | undefined;
}

/**
 * The configuration of the file, or the built-in one with its data in a directory.
 * @throws AppError CONFIG_INVALID, PARAMETER_INVALID when both are named.
 */
export function readConfig(choice: ConfigChoice, overrides: ConfigOverrides = {}): CommandConfig {
  const { config: given, data } = choice;
  if (given !== undefined && data !== undefined) {
    throw new AppError('PARAMETER_INVALID', '--data and --config exclude each other', {
      hint: 'With a configuration file, repo.top_dir in it says where the data is.',
    });
  }
  // An argument counts more than the environment.
  const file = data === undefined ? configFile(given) : undefined;
  if (file === undefined) return { ...embeddedConfig(resolve(data ?? 'var'), overrides), file };
  return { ...loadConfig(file, overrides), file: resolve(file) };
}

/** The file that the arguments or the environment name. */
export function configFile(given: string | undefined): string | undefined {
  return given ?? (process.env[CONFIG_VARIABLE] || undefined);
}

/** The folders of the service, the tree first. */
export function listFolders({ topDir, stateDir, server }: Config): readonly [string, ...string[]] {
  return [topDir, stateDir, server.spoolDir];
}

/** The line with which a command says which tree it works on. */
export function treeLine({ topDir, file }: Pick<CommandConfig, 'topDir' | 'file'>): string {
  return `tree: ${printable(topDir)} (${printable(file ?? 'no configuration file, built-in defaults')})\n`;
}
