import { BlockList, isIPv6 } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { findSchemaFaults, type SchemaFault } from '../schema/find-schema-faults.ts';
import { fitsSchema } from '../schema/fits-schema.ts';
import { withSchemaDefaults } from '../schema/with-schema-defaults.ts';
import { isInside } from '../files/is-inside.ts';
import { didYouMean } from '../text/nearest-name.ts';
import { isByteSize } from './byte-size.ts';
import { CONFIG_SCHEMA, type ConfigFile } from './schema.ts';

/** Options of createrepo_c that the service sets itself: a second value would break publishing. */
const RESERVED_OPTIONS = [
  '-o',
  '--outputdir',
  '-i',
  '--pkglist',
  '--update-md-path',
  '--compress-type',
  '--general-compress-type',
  '--xz',
  '--zck',
  '-s',
  '--checksum',
  '--simple-md-filenames',
  '--split',
  '--baseurl',
  '-u',
  '--location-prefix',
  '--cut-dirs',
  '--recycle-pkglist',
];

// First path segments that the service uses itself; nginx sends them elsewhere than to the upload.
const TAKEN_PREFIXES = ['api', 'auth', 'healthz', 'metrics', 'readyz', 'repo'];

const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

// `sun_path` in sys/un.h (unix(7)), without the byte that ends it.
const MAX_SOCKET_PATH_BYTES = 107;

/**
 * Every problem of a configuration file as one line with path, fault and remedy; empty when it is usable.
 * @param folder where relative paths in the file start.
 */
export function findProblems(file: unknown, folder: string): readonly string[] {
  const faults = findSchemaFaults(CONFIG_SCHEMA, file);
  const usable = withoutFaulty(file, faults);
  return [
    ...faults.map(schemaProblem),
    ...(fitsSchema(CONFIG_SCHEMA, usable) ? meaningProblems(usable, folder) : []),
  ];
}

/** The file with the default in place of each faulty option: one fault must not hide what is wrong with another. */
function withoutFaulty(file: unknown, faults: readonly SchemaFault[]): unknown {
  // An option is `<section>/<key>`; a fault deeper in it counts for the whole option.
  const faulty = new Set(faults.map(({ path }) => path.slice(0, 2).join('/')));
  const sound = (value: unknown, path: string): readonly (readonly [string, unknown])[] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).filter(([key]) => !faulty.has(`${path}${key}`))
      : [];
  const sections = sound(file, '').map(([name, section]) => [
    name,
    Object.fromEntries(sound(section, `${name}/`)),
  ]);
  return withSchemaDefaults(CONFIG_SCHEMA, Object.fromEntries(sections));
}

function schemaProblem({ keyword, path, message, allowedValues = [] }: SchemaFault): string {
  const where = path.join('.');
  if (keyword === 'additionalProperties')
    return `${where}: unknown key; remove it or correct its name.${meantKey(path)}`;
  if (keyword === 'enum') return `${where}: must be one of ${allowedValues.join(', ')}`;
  return `${where}: ${message}; see config.example.yml`;
}

/** The schema of a section, or of an option in one; deeper levels have no names of their own in the schema. */
function meantKey([section = '', key]: readonly string[]): string {
  const sections: Readonly<Record<string, { readonly properties: object }>> = CONFIG_SCHEMA.properties;
  if (key === undefined) return didYouMean(section, Object.keys(sections));
  return didYouMean(key, Object.keys(sections[section]?.properties ?? {}));
}

function meaningProblems(file: ConfigFile, folder: string): readonly string[] {
  return [
    ...prefixProblems(file.server.prefix_url),
    ...byteSizeProblems('server.max_upload_bytes', file.server.max_upload_bytes),
    ...byteSizeProblems('index_updater.keep_old_bytes', file.index_updater.keep_old_bytes),
    ...file.layout.releasever.flatMap((pattern, index) => patternProblems(pattern, index)),
    ...optionProblems(file.index_updater.cmdline),
    ...formatProblems(file.index_updater),
    ...folderProblems(file, folder),
    ...dropDirectoryProblems(file, folder),
    ...accessProblems(file.access),
    ...socketProblems(file.server.address),
    ...publicUrlProblems(file.server.public_url),
    ...listeningProblems(file),
    ...signingProblems(file.signing),
  ];
}

function prefixProblems(prefix: string): readonly string[] {
  const isTaken = TAKEN_PREFIXES.includes(prefix.replaceAll('/', ''));
  return isTaken ? [`server.prefix_url: "${prefix}" is a path of the service's own; choose another`] : [];
}

function byteSizeProblems(path: string, text: string): readonly string[] {
  return isByteSize(text) ? [] : [`${path}: "${text}" is no size; write it like 10 GiB or 500 MiB`];
}

function patternProblems(pattern: string, index: number): readonly string[] {
  const path = `layout.releasever.${index}`;
  try {
    // An alternative that matches nothing makes exec() succeed, so the group names can be read.
    const groups = new RegExp(`${pattern}|`, 'u').exec('')?.groups;
    if (groups !== undefined && 'releasever' in groups) return [];
    return [`${path}: has no group (?<releasever>...); put one around the part that names the releasever`];
  } catch (error) {
    return [`${path}: ${error instanceof Error ? error.message : 'is no regular expression'}`];
  }
}

function formatProblems({ engine, zstd_releasevers: zstd }: ConfigFile['index_updater']): readonly string[] {
  if (engine === 'incremental' || zstd.length === 0) return [];
  return ['index_updater.zstd_releasevers: the createrepo engine writes gzip only; set engine: incremental'];
}

function optionProblems(cmdline: string): readonly string[] {
  return cmdline
    .split(/\s+/)
    .filter((word) => RESERVED_OPTIONS.includes(word.split('=')[0] ?? ''))
    .map((word) => `index_updater.cmdline: ${word} is set by the service itself; remove it`);
}

function accessProblems({ tokens, keys, public_read: publicRead }: ConfigFile['access']): readonly string[] {
  const twice = [...repeated(tokens.map(({ name }) => name)), ...repeated(keys.map(({ id }) => id))];
  const problems = twice.map((name) => `access: two entries are named "${name}"; rename one`);
  if (tokens.length + keys.length > 0 || publicRead.includes('*')) return problems;
  return [
    ...problems,
    'access.public_read: restricts reading, but no token and no key may read; add one to access',
  ];
}

function socketProblems(address: string): readonly string[] {
  if (!address.startsWith('/') || Buffer.byteLength(address) <= MAX_SOCKET_PATH_BYTES) return [];
  return [
    `server.address: the path of a socket has at most ${MAX_SOCKET_PATH_BYTES} bytes; choose a shorter one`,
  ];
}

/** Every URL that hosts and build jobs get begins with it. */
function publicUrlProblems(publicUrl: string): readonly string[] {
  if (publicUrl === '') return [];
  const url = URL.parse(publicUrl);
  if (url === null) return ['server.public_url: is no URL; write it as https://repo.example.com/rpm'];
  const unwanted = [
    ...(url.username === '' && url.password === '' ? [] : ['a user']),
    ...(publicUrl.includes('?') ? ['a query'] : []),
    ...(publicUrl.includes('#') ? ['a fragment'] : []),
  ];
  return unwanted.map(
    (part) =>
      `server.public_url: holds ${part}, which cannot stand in front of a path; write it as https://repo.example.com/rpm`,
  );
}

/** Settings that must not be combined with an address that other machines can reach. */
function listeningProblems({ server, access }: ConfigFile): readonly string[] {
  const { address, upload_header: uploadHeader, public_url: publicUrl } = server;
  if (/^\[.*\]$/.test(address)) {
    return [`server.address: an address has no brackets here; write ${address.slice(1, -1)}`];
  }
  if (isLoopback(address)) return [];
  const problems: string[] = [];
  if (access.tokens.length + access.keys.length === 0 && !access.require_credentials) {
    problems.push(
      `server.address: other machines can reach ${address}, and without tokens and keys every client may upload; add one to access ("rpmyard token new NAME"), or listen on 127.0.0.1 or a unix socket`,
    );
  }
  if (uploadHeader !== '') {
    problems.push(
      `server.upload_header: the service would believe this header from every client that reaches ${address}; set it to '' when there is no nginx in front, or listen on 127.0.0.1 or a unix socket`,
    );
  }
  if (publicUrl === '' && WILDCARDS.has(address)) {
    problems.push(
      `server.public_url: hosts would be told to ask ${address}; set the URL by which they reach this server`,
    );
  }
  return problems;
}

function signingProblems({ keys, sign_packages: isSigning }: ConfigFile['signing']): readonly string[] {
  if (!isSigning || keys.length > 0) return [];
  return ['signing.sign_packages: needs a key; name one in signing.keys ("rpmyard key init" makes one)'];
}

function repeated(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

function isLoopback(address: string): boolean {
  if (address.startsWith('/') || address === 'localhost') return true;
  return LOOPBACK.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

function folderProblems(file: ConfigFile, folder: string): readonly string[] {
  const topDir = resolve(folder, file.repo.top_dir);
  const folders = [
    ['repo.state_dir', file.repo.state_dir],
    ['server.spool_dir', file.server.spool_dir],
  ] as const;
  return folders
    .filter(([, other]) => other !== '' && isInside(resolve(folder, other), topDir))
    .map(([path]) => `${path}: lies inside repo.top_dir and would be served; choose a folder beside it`);
}

function dropDirectoryProblems(file: ConfigFile, folder: string): readonly string[] {
  if (file.drop_directory.path === '') return [];
  const path = resolve(folder, file.drop_directory.path);
  const topDir = resolve(folder, file.repo.top_dir);
  const beside = dirname(topDir);
  const folders = [
    ['repo.top_dir', topDir],
    ['repo.state_dir', resolve(folder, file.repo.state_dir || join(beside, 'state'))],
    ['server.spool_dir', resolve(folder, file.server.spool_dir || join(beside, 'spool'))],
  ] as const;
  return folders
    .filter(([, other]) => isInside(other, path) || isInside(path, other))
    .map(
      ([name, other]) =>
        `drop_directory.path: ${path} and ${name} (${other}) must not lie in each other; choose a folder apart`,
    );
}
