import { resolve } from 'node:path';
import { type Config, embeddedConfig, loadConfig } from '../config/load.ts';

/** The configuration a command was given, or the built-in one with data under ./var. */
export function readConfig(file: string | undefined): Config {
  return file === undefined ? embeddedConfig(resolve('var')) : loadConfig(file);
}
