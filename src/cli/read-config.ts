import { resolve } from 'node:path';
import { type Config, embeddedConfig, loadConfig } from '../config/load.ts';
import { CONFIG_VARIABLE } from './commands.ts';

/** The configuration that a command goes by: that of the file, or the built-in one with data under ./var. */
export function readConfig(given: string | undefined): Config {
  const file = configFile(given);
  return file === undefined ? embeddedConfig(resolve('var')) : loadConfig(file);
}

/** The file that a command was given, or that the environment names. */
export function configFile(given: string | undefined): string | undefined {
  return given ?? (process.env[CONFIG_VARIABLE] || undefined);
}

/** Where the service keeps what is its own, the tree first. */
export function foldersOf({ topDir, stateDir, server }: Config): readonly [string, ...string[]] {
  return [topDir, stateDir, server.spoolDir];
}
