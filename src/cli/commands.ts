/** Names the configuration file of commands that are given none; a system package sets it. */
export const CONFIG_VARIABLE = 'RPMYARD_CONFIG';

/** An option as parseArgs (node:util) takes it, with what help, man page and completion say of it. */
export interface CommandOption {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** What stands for its value. */
  readonly value?: string;
  readonly text: string;
}

/** What one command is: its help, the man page, the completion and docs/commands.md are rendered from it. */
export interface Command {
  /** Its arguments without the options: `[REPO...]`, `new NAME`. */
  readonly synopsis: string;
  /** One line of the general help. */
  readonly summary: string;
  /** Paragraphs. */
  readonly description: readonly string[];
  readonly options: Readonly<Record<string, CommandOption>>;
  readonly exitCodes: Readonly<Record<number, string>>;
  /** The words that may follow it. */
  readonly actions?: readonly string[];
  /** The names of the files that may follow it. */
  readonly files?: '*.rpm' | '*.yml' | 'directories';
}

const CONFIG_OPTION = {
  type: 'string',
  short: 'c',
  value: 'FILE',
  text: 'The configuration file. Without it the one that RPMYARD_CONFIG names (/etc/rpmyard/config.yml for an installed RPM or Debian package), without that built-in defaults with data under ./var.',
} as const;

const DATA_OPTION = {
  type: 'string',
  value: 'DIR',
  text: 'No configuration file: the built-in defaults, with the data in DIR instead of ./var.',
} as const;

const EXIT_NO_TREE = { 3: 'there is no tree where the configuration says' } as const;

export const SERVE = {
  synopsis: '',
  summary: 'run the service',
  description: [
    'Runs the service until SIGTERM or SIGINT. Without a configuration file it takes bodies directly on 127.0.0.1:5000 and keeps its data under ./var. With one, however short, everything that it leaves out has the default of config.example.yml: the data is then in /srv/repo, unless repo.top_dir says otherwise.',
    'Under systemd it says when it is ready, answers the watchdog, and takes the socket that it is handed.',
  ],
  options: {
    port: {
      type: 'string',
      value: 'NUMBER',
      text: 'Listen on this port instead of server.port (5000).',
    },
    data: DATA_OPTION,
    config: CONFIG_OPTION,
  },
  exitCodes: { 0: 'stopped as asked', 1: 'it could not start' },
} as const satisfies Command;

export const REINDEX = {
  synopsis: '[REPO...]',
  summary: 'bring indexes up to date now',
  description: [
    'Brings the index of each repository (<releasever>/<basearch>, or a pattern as "9/*"; all without a name) up to date now, also after packages were put into the tree by hand. It goes through the running service, or does the work itself when none runs.',
  ],
  options: {
    full: { type: 'boolean', text: 'Read every package again, whatever the index says of it.' },
    'take-over': {
      type: 'boolean',
      text: 'Publish what lies in the repositories that are named, although the index of another program that was found there names packages which would leave it, or does not name some that would join it.',
    },
    data: DATA_OPTION,
    config: CONFIG_OPTION,
  },
  exitCodes: {
    0: 'all are published, and describe every package as it lies there',
    1: 'at least one is not published, or a package of it is set aside, damaged, held back or cannot be described anew',
    ...EXIT_NO_TREE,
  },
} as const satisfies Command;

export const VERIFY = {
  synopsis: '[REPO...]',
  summary: 'compare packages, indexes and records',
  description: [
    'Compares the packages of each repository (all without a name; a pattern as "9/*" names several) with its index and the records, checks every metadata file, and looks for leftovers. Names each violation with its remedy. Changes nothing without --repair; works beside a running service.',
  ],
  options: {
    'read-data': { type: 'boolean', text: 'Read every package too and compare its digest.' },
    repair: {
      type: 'boolean',
      text: 'Read the data, build indexes anew that are at fault, and correct modes. It never removes a package, and leaves a repository alone in which a package itself is damaged or missing.',
    },
    json: { type: 'boolean', text: 'Print one JSON document.' },
    data: DATA_OPTION,
    config: CONFIG_OPTION,
  },
  exitCodes: { 0: 'no errors (notes may be there)', 1: 'errors remain', ...EXIT_NO_TREE },
} as const satisfies Command;

export const REMOVE = {
  synopsis: 'NEVRA|FILE',
  summary: 'take a package out of its repositories',
  description: [
    'Removes a package, named by its NEVRA (hello-1.0-1.el9.noarch) or the name of its file, from every repository that has it, and brings their indexes up to date. A noarch package is in several. It works beside a running service and without one. When it was interrupted, the same command again finishes it.',
    'Hosts that installed the package keep it. The name is free afterwards, so that an upload of other bytes under it is accepted; caches between hosts and the service may go on handing out the former bytes, so give the next build a higher release.',
    'Run it as root, who goes on as the user that the tree belongs to, or as that user.',
  ],
  options: {
    'dry-run': { type: 'boolean', text: 'Only say what would be removed.' },
    in: {
      type: 'string',
      multiple: true,
      value: 'GLOB',
      text: 'Only from these repositories (9/x86_64, "9/*"); may be repeated.',
    },
    data: DATA_OPTION,
    config: CONFIG_OPTION,
  },
  exitCodes: {
    0: 'removed (with --dry-run: found)',
    1: 'not found, or an index was not brought up to date',
    ...EXIT_NO_TREE,
  },
} as const satisfies Command;

export const ADOPT = {
  synopsis: 'DIR',
  summary: 'take over the packages of an existing tree',
  description: [
    'Takes over the packages below DIR, however they lie there, and the comps, updateinfo, modules and so on of their repodata. Without --apply it only says what it found and what would go where; that works beside a running service.',
    'Run it as root, who goes on as the user that the tree belongs to, or as that user.',
  ],
  options: {
    apply: {
      type: 'boolean',
      text: 'Do it, with the service stopped: each package goes the way of an upload, linked where it belongs to the user of the service and lies on the same mount, copied elsewhere. DIR keeps all that it has. It may be killed and run again.',
    },
    releasever: {
      type: 'string',
      value: 'VERSION',
      text: 'The releasever of packages whose release tag names none and that lie in no directory <releasever>/<basearch>.',
    },
    json: { type: 'boolean', text: 'Print one JSON document with everything.' },
    data: DATA_OPTION,
    config: CONFIG_OPTION,
  },
  exitCodes: { 0: 'nothing is left to decide', 1: 'something was refused, is in conflict or failed' },
  files: 'directories',
} as const satisfies Command;

export const CHECK_CONFIG = {
  synopsis: '[FILE]',
  summary: 'say everything that is wrong with a configuration file',
  description: [
    'Names every problem of a configuration file, and of the files that it names, with its path and remedy. Without FILE it checks the one that the environment variable RPMYARD_CONFIG names.',
    'Root looks as the user that the tree belongs to: what that user may not read, the service cannot use.',
  ],
  options: {
    config: { ...CONFIG_OPTION, text: 'The same as FILE, as other commands are given it.' },
  },
  exitCodes: { 0: 'usable', 1: 'not usable' },
  files: '*.yml',
} as const satisfies Command;

export const INSPECT = {
  synopsis: 'FILE.rpm...',
  summary: 'say what packages are and where they would go',
  description: [
    'Says of each package what it is, whether it would be accepted, and which repositories it would go to under the configuration.',
  ],
  options: {
    json: { type: 'boolean', text: 'Print one JSON object a line.' },
    releasever: {
      type: 'string',
      value: 'VERSION',
      text: 'The releasever, whatever the release tags say; several with commas: 9,8.',
    },
    config: CONFIG_OPTION,
  },
  exitCodes: { 0: 'all would be accepted', 1: 'at least one would not' },
  files: '*.rpm',
} as const satisfies Command;

/** What stands for options of `push`, so that a build job need not repeat them. */
export const PUSH_VARIABLES = {
  url: 'RPMYARD_URL',
  token: 'RPMYARD_TOKEN',
  tokenFile: 'RPMYARD_TOKEN_FILE',
} as const;

export const PUSH = {
  synopsis: 'FILE...',
  summary: 'upload packages, and try again until they are there',
  description: [
    'Uploads packages, several at once, each with its digest. Names with * ? [ { that no file has are patterns. What fails because the service or the network is not there is tried again after growing pauses; that is safe, since sending the same package twice changes nothing. Files of 64 MiB and more go on where they were cut off. Large files are not sent before the service wants them.',
    'A token comes from RPMYARD_TOKEN or a file, never from the arguments, where everybody on the machine could read it.',
    'Nothing more is sent once the service has refused the credentials.',
    'Ctrl-C ends it at once; the same command again sends what is missing.',
  ],
  options: {
    url: {
      type: 'string',
      value: 'URL',
      text: 'The service: http://repo.example.com/upload, as curl -T takes it; where the path has no upload, /upload is added. Without it the one that RPMYARD_URL has.',
    },
    wait: { type: 'boolean', text: 'End when hosts can install the packages, not when they are accepted.' },
    batch: {
      type: 'boolean',
      text: 'Publish all or nothing: the packages appear together, or none of them when one is refused.',
    },
    'batch-id': {
      type: 'string',
      value: 'ID',
      text: 'The same, with a name for the batch, which others may have added packages to. It stays on the service when a package is refused, for another push with its name.',
    },
    releasever: {
      type: 'string',
      value: 'VERSION',
      text: 'The releasever, whatever the release tags say; several with commas: 9,8.',
    },
    jobs: {
      type: 'string',
      short: 'j',
      value: 'NUMBER',
      text: 'How many are sent at once (default 4).',
    },
    timeout: {
      type: 'string',
      value: 'SECONDS',
      text: 'How long a package is tried again while nothing goes forward, and how long --wait waits (default 600).',
    },
    'token-file': {
      type: 'string',
      value: 'FILE',
      text: 'Where the token is, instead of RPMYARD_TOKEN or the file that RPMYARD_TOKEN_FILE names.',
    },
    json: { type: 'boolean', text: 'Print one JSON document at the end.' },
  },
  exitCodes: {
    0: 'all are accepted (with --wait: hosts can install them)',
    1: 'at least one was refused',
    3: 'the service could not be reached, or failed to the end',
    4: 'all are accepted, and with --wait not all were in the index in time',
  },
  files: '*.rpm',
} as const satisfies Command;

const TOKEN_GLOB = { type: 'string', multiple: true, value: 'GLOB' } as const;

export const TOKEN = {
  synopsis: 'new NAME',
  summary: 'make a token for uploads',
  description: [
    'Prints a new token, only this once, and the entry that gives it rights: put the entry into access.tokens of the configuration file and restart the service. Each option names repositories (9/x86_64, "9/*", "*") and may be repeated; without any the token may upload everywhere. Every right includes read, admin all.',
    'The token is sent with curl -u NAME:TOKEN or as Authorization: Bearer TOKEN.',
  ],
  options: {
    upload: { ...TOKEN_GLOB, text: 'Repositories that it may upload to.' },
    read: { ...TOKEN_GLOB, text: 'Repositories that it may read.' },
    delete: { ...TOKEN_GLOB, text: 'Repositories that it may delete from.' },
    admin: { ...TOKEN_GLOB, text: 'Repositories in which it may do everything, reindexing included.' },
  },
  exitCodes: { 0: 'made' },
  actions: ['new'],
} as const satisfies Command;

export const KEY = {
  synopsis: 'init',
  summary: 'make a key that signs repository metadata',
  description: [
    'Makes an OpenPGP key (RSA 4096, only for signing, without an end) in the configured signing.gnupg_home, protected by signing.passphrase_file if there is one, and prints its fingerprint and the lines for the configuration. Run it as root or as the user of the service. Keep a copy of the GNUPGHOME: hosts trust this key.',
  ],
  options: {
    another: {
      type: 'boolean',
      text: 'Make one more beside those that are there, to change over to it.',
    },
    data: DATA_OPTION,
    config: CONFIG_OPTION,
  },
  exitCodes: { 0: 'made', 1: 'not made' },
  actions: ['init'],
} as const satisfies Command;

/** Every command by the name that one types, in the order of the general help. */
export const COMMANDS = {
  serve: SERVE,
  reindex: REINDEX,
  verify: VERIFY,
  remove: REMOVE,
  adopt: ADOPT,
  'check-config': CHECK_CONFIG,
  inspect: INSPECT,
  push: PUSH,
  token: TOKEN,
  key: KEY,
} as const satisfies Readonly<Record<string, Command>>;

export type CommandName = keyof typeof COMMANDS;

export function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

/** Environment variables by name. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  [CONFIG_VARIABLE]: 'The configuration file of commands that are given none.',
  [PUSH_VARIABLES.url]: 'The service that "rpmyard push" sends to when no --url is given.',
  [PUSH_VARIABLES.token]: 'The token that "rpmyard push" shows.',
  [PUSH_VARIABLES.tokenFile]: 'The file that holds that token, when RPMYARD_TOKEN does not.',
  HTTP_PROXY:
    'The proxy through which "rpmyard push" reaches a service at an http URL: http://[USER:PASSWORD@]proxy.example.com:3128.',
  HTTPS_PROXY: 'The same for a service at an https URL.',
  NO_PROXY: 'Hosts that need no proxy: repo.example.com,.internal,10.0.0.1.',
  NODE_EXTRA_CA_CERTS: 'A file with further certificates that "rpmyard push" trusts.',
};
