import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { loadAll as parseDocuments } from 'js-yaml';
import { fitsSchema } from '../schema/fits-schema.ts';
import { withSchemaDefaults } from '../schema/with-schema-defaults.ts';
import { AppError, errnoOf } from '../../errors.ts';
import { findProblems } from './find-problems.ts';
import { CONFIG_SCHEMA, type ConfigFile } from './schema.ts';
import { toConfig } from './to-config.ts';

/** Where to listen: a unix socket, or an address and a port. */
export type ListenTarget = { readonly path: string } | { readonly host: string; readonly port: number };

/** Where the keys are, or the socket of the agent that has them. */
export interface GpgHome {
  /** The GNUPGHOME. */
  readonly gnupgHome: string;
  /** Undefined when the keys have none, or their agent knows it. */
  readonly passphraseFile: string | undefined;
}

/** The configuration as the service uses it: absolute paths, compiled patterns, units in the names. */
export interface Config {
  readonly server: {
    readonly listen: ListenTarget;
    readonly uploadPath: string;
    /** Lower-case header name; undefined when bodies come directly. */
    readonly uploadHeader: string | undefined;
    /** Without a slash at its end. */
    readonly publicUrl: string;
    readonly spoolDir: string;
    readonly maxUploadBytes: number;
  };
  readonly topDir: string;
  readonly stateDir: string;
  readonly layout: {
    readonly releaseverPatterns: readonly RegExp[];
    readonly noarchBasearches: readonly string[];
    readonly multilib: ReadonlyMap<string, readonly string[]>;
  };
  readonly reindex: {
    readonly engine: ConfigFile['index_updater']['engine'];
    readonly zstdReleasevers: readonly string[];
    readonly repodataTags: ConfigFile['index_updater']['repodata_tags'];
    readonly executable: string;
    readonly extraArguments: readonly string[];
    readonly quietMs: number;
    readonly maxWaitMs: number;
    readonly timeoutMs: number;
    readonly concurrency: number;
    readonly keepOldMs: number;
    readonly keepOldBytes: number;
  };
  readonly access: {
    readonly tokens: ConfigFile['access']['tokens'];
    /** With absolute paths. */
    readonly keys: ConfigFile['access']['keys'];
    /** Without tokens and keys no client may change anything, instead of every client. */
    readonly requireCredentials: boolean;
    readonly publicRead: readonly string[];
    readonly auditLog: string;
  };
  readonly signing: GpgHome & {
    readonly keys: readonly string[];
    readonly isSigningPackages: boolean;
  };
  /** With absolute paths. */
  readonly keyrings: ConfigFile['package_signatures']['keyrings'];
  readonly batches: { readonly keepMs: number };
  /** Undefined without a drop directory. */
  readonly dropDirectory:
    | {
        readonly path: string;
        readonly settleMs: number;
        readonly giveUpMs: number;
        /** Globs of the repositories that dropped packages may go to. */
        readonly upload: readonly string[];
      }
    | undefined;
  readonly log: { readonly name: ConfigFile['log']['name']; readonly level: string };
}

/** Settings of the command line, which replace those of the file. */
export interface ConfigOverrides {
  readonly port?: number | undefined;
}

/**
 * Reads and checks a configuration file.
 * @throws AppError CONFIG_INVALID naming every problem, each with its path and remedy.
 */
export function loadConfig(path: string, overrides: ConfigOverrides = {}): Config {
  return parseConfig(readText(path), path, overrides);
}

/** Checks configuration text; `source` names it in errors and relative paths start at its folder. */
export function parseConfig(text: string, source: string, overrides: ConfigOverrides = {}): Config {
  const given = toMapping(parse(text, source), source);
  const folder = dirname(resolve(source));
  return toConfig(withOverrides(checked(withDefaults(given), source, folder), overrides), folder);
}

/** The built-in defaults of `rpmyard serve` without a file: Node alone, bodies taken directly, data in `folder`. */
export function embeddedConfig(folder: string, overrides: ConfigOverrides = {}): Config {
  const file = withDefaults({
    server: { upload_header: '' },
    repo: { top_dir: join(folder, 'storage') },
  });
  return toConfig(withOverrides(checked(file, 'the built-in configuration', folder), overrides), folder);
}

function withOverrides(file: ConfigFile, { port = file.server.port }: ConfigOverrides): ConfigFile {
  return { ...file, server: { ...file.server, port } };
}

function checked(file: unknown, source: string, folder: string): ConfigFile {
  const problems = findProblems(file, folder);
  if (problems.length > 0 || !fitsSchema(CONFIG_SCHEMA, file)) throw invalid(source, problems);
  return file;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const errno = errnoOf(cause) ?? 'no reason given';
    throw new AppError('CONFIG_INVALID', `the configuration file ${path} cannot be read (${errno})`, {
      hint:
        errno === 'EACCES'
          ? 'Run the command as root; the user of the service must be able to read the file too (chown root:nginx, chmod 640).'
          : 'Name an existing file.',
      cause,
    });
  }
}

function parse(text: string, source: string): unknown {
  const documents = parseYaml(text, source);
  // A file in which everything is commented out has no document at all.
  if (documents.length <= 1) return documents[0];
  throw invalid(source, ['expected one YAML document, found several separated by "---"']);
}

function parseYaml(text: string, source: string): readonly unknown[] {
  try {
    return parseDocuments(text);
  } catch (cause) {
    throw invalid(source, [cause instanceof Error ? cause.message : String(cause)]);
  }
}

function toMapping(value: unknown, source: string): Record<string, unknown> {
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw invalid(source, [`expected a mapping with ${Object.keys(CONFIG_SCHEMA.properties).join(', ')}`]);
  }
  return { ...value };
}

function withDefaults(given: Record<string, unknown>): unknown {
  const sections: Record<string, unknown> = {
    server: {},
    repo: {},
    layout: {},
    index_updater: {},
    access: {},
    signing: {},
    package_signatures: {},
    batches: {},
    drop_directory: {},
    log: {},
    ...Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value ?? {}])),
  };
  return withSchemaDefaults(CONFIG_SCHEMA, withExpectedScalars(withEngine(sections)));
}

/** The original service's file names an executable and no engine: the service goes on running that executable. */
function withEngine(sections: Record<string, unknown>): Record<string, unknown> {
  const given = sections['index_updater'];
  if (typeof given !== 'object' || given === null) return sections;
  if (!('executable' in given) || 'engine' in given) return sections;
  return { ...sections, index_updater: { engine: 'createrepo', ...given } };
}

/**
 * The original service's files quote numbers (`port: '5000'`): a numeric string is a number where one is expected. The
 * other way round, `max_upload_bytes: 4096` is a text that needs no quotes.
 */
function withExpectedScalars(sections: Record<string, unknown>): Record<string, unknown> {
  const converted = structuredClone(sections);
  for (const [name, section] of Object.entries(CONFIG_SCHEMA.properties)) {
    const values = converted[name];
    if (typeof values !== 'object' || values === null) continue;
    const mapping: Record<string, unknown> = Object.assign(values);
    for (const [key, property] of Object.entries(section.properties)) {
      const value = mapping[key];
      const isNumeric = property.type === 'integer' || property.type === 'number';
      if (isNumeric && typeof value === 'string' && /^\d+$/.test(value)) mapping[key] = Number(value);
      if (property.type === 'string' && typeof value === 'number') mapping[key] = String(value);
      // A releasever is a text that looks like a number.
      if (Array.isArray(value))
        mapping[key] = value.map((item) => (typeof item === 'number' ? String(item) : item));
    }
  }
  return converted;
}

function invalid(source: string, problems: readonly string[]): AppError {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new AppError('CONFIG_INVALID', `${source} has ${count}`, {
    hint: 'Correct what is listed; config.example.yml shows every option.',
    details: { problems },
  });
}
