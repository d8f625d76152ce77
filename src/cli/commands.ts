/** Environment variable that names the configuration file for commands without `-c`; a system package sets it. */
export const CONFIG_VARIABLE = 'RPMYARD_CONFIG';

/** An option as parseArgs (node:util) takes it, with its text for help, man page and completion. */
export interface CommandOption {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** Stands for its value in texts: `FILE`. */
  readonly value?: string;
  readonly text: string;
}

/** One command. Its help, the man page, the completion and docs/commands.md are rendered from this. */
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
  text: 'The configuration file. Without this option the command reads the file that RPMYARD_CONFIG names (/etc/rpmyard/config.yml for an installed RPM or Debian package); without either it takes the built-in defaults, with data under ./var.',
} as const;

const DATA_OPTION = {
  type: 'string',
  value: 'DIR',
  text: 'Read no configuration file: take the built-in defaults, with the data in DIR instead of ./var.',
} as const;

const RELEASEVER_OPTION = {
  type: 'string',
  value: 'VERSION',
  text: 'The releasever, in place of the one that the release tags say; several with commas: 9,8.',
} as const;

const EXIT_NO_TREE = { 3: 'there is no tree where the configuration says' } as const;

export const SERVE = {
  synopsis: '',
  summary: 'run the service',
  description: [
    'Runs the service until SIGTERM or SIGINT. Without a configuration file the service takes uploads directly on 127.0.0.1:5000 and keeps its data under ./var. With a configuration file, however short, every option that the file leaves out has the default of config.example.yml: the data is then in /srv/repo, unless repo.top_dir says otherwise.',
    'Under systemd the service says when it is ready, tells the watchdog that it is alive, and listens on the socket that systemd hands to it.',
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
  exitCodes: { 0: 'stopped by a signal', 1: 'the service could not start' },
} as const satisfies Command;

export const REINDEX = {
  synopsis: '[REPO...]',
  summary: 'bring indexes up to date now',
  description: [
    'Brings the index of each repository (<releasever>/<basearch>, or a pattern such as "9/*"; all repositories when none is named) up to date now, also after packages were put into the tree by hand. The command asks the running service, or does the work itself when no service runs.',
  ],
  options: {
    full: { type: 'boolean', text: 'Read every package again, also those that the index describes.' },
    'take-over': {
      type: 'boolean',
      text: 'Publish the packages in the named repositories, even if another program made the index that was found there and packages of that index would leave it, or files that it does not name would join it.',
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
    'Compares the packages of each repository (all repositories when none is named; a pattern such as "9/*" names several) with its index and the records, checks every metadata file, and looks for leftovers. The command names each violation with its remedy. It changes nothing without --repair, and works beside a running service.',
  ],
  options: {
    'read-data': { type: 'boolean', text: 'Read every package too and compare its digest.' },
    repair: {
      type: 'boolean',
      text: 'Read the data, build faulty indexes anew, and correct modes. The command never removes a package. It leaves a repository alone when a package in it is damaged or missing.',
    },
    json: { type: 'boolean', text: 'Print one JSON document.' },
    data: DATA_OPTION,
    config: CONFIG_OPTION,
  },
  exitCodes: { 0: 'no errors (perhaps notes)', 1: 'errors remain', ...EXIT_NO_TREE },
} as const satisfies Command;

export const REMOVE = {
  synopsis: 'NEVRA|FILE',
  summary: 'take a package out of its repositories',
  description: [
    'Removes a package, named by its NEVRA (hello-1.0-1.el9.noarch) or the name of its file, from every repository that has it, and brings their indexes up to date. A noarch package is in several repositories. The command works beside a running service and without one. When it was interrupted, run it again to finish.',
    'Hosts that installed the package keep it. The name is free afterwards: the service accepts an upload of other bytes under it. Caches between hosts and the service may go on handing out the former bytes, so give the next build a higher release.',
    'Run it as the user that owns the tree, or as root: the command then goes on as that user.',
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
    'Takes over the packages below DIR, in any layout, and the comps, updateinfo, modules and so on of their repodata. Without --apply the command only says what it found and what would go where, and works beside a running service.',
    'Run it as the user that owns the tree, or as root: the command then goes on as that user.',
  ],
  options: {
    apply: {
      type: 'boolean',
      text: 'Take the packages over; stop the service first. Each package is checked like an upload. A file that belongs to the user of the service and lies on the same mount is linked, any other is copied. DIR keeps everything. You may interrupt the command and run it again.',
    },
    releasever: {
      type: 'string',
      value: 'VERSION',
      text: 'The releasever of packages whose release tag names none and that do not lie in a directory <releasever>/<basearch>.',
    },
    json: { type: 'boolean', text: 'Print one JSON document with everything.' },
    data: DATA_OPTION,
    config: CONFIG_OPTION,
  },
  exitCodes: {
    0: 'nothing is left to decide',
    1: 'a package was refused, is in conflict, or could not be taken over',
  },
  files: 'directories',
} as const satisfies Command;

export const CHECK_CONFIG = {
  synopsis: '[FILE]',
  summary: 'say everything that is wrong with a configuration file',
  description: [
    'Names every problem of a configuration file, and of the files that it names, with its path and remedy. Without FILE it checks the file that the environment variable RPMYARD_CONFIG names.',
    'When root runs the command, it reads the files as the user that owns the tree: the service cannot use a file that this user may not read.',
  ],
  options: {
    config: { ...CONFIG_OPTION, text: 'The same as FILE, in the way of the other commands.' },
  },
  exitCodes: { 0: 'usable', 1: 'not usable' },
  files: '*.yml',
} as const satisfies Command;

export const INSPECT = {
  synopsis: 'FILE.rpm...',
  summary: 'say what packages are and where they would go',
  description: [
    'Says of each package what it is, whether the service would accept it, and which repositories it would go to under the configuration.',
  ],
  options: {
    json: { type: 'boolean', text: 'Print one JSON object a line.' },
    releasever: RELEASEVER_OPTION,
    config: CONFIG_OPTION,
  },
  exitCodes: { 0: 'the service would accept all', 1: 'the service would refuse at least one' },
  files: '*.rpm',
} as const satisfies Command;

/** Environment variables in place of options of `push`, so that a build job need not repeat them. */
export const PUSH_VARIABLES = {
  url: 'RPMYARD_URL',
  token: 'RPMYARD_TOKEN',
  tokenFile: 'RPMYARD_TOKEN_FILE',
} as const;

export const PUSH = {
  synopsis: 'FILE...',
  summary: 'upload packages, and try again until they are there',
  description: [
    'Uploads packages, several at once, each with its digest. A name with * ? [ { that no file has is a pattern. When the service or the network is not there, the command tries again after growing pauses; that is safe, because sending the same package twice changes nothing. It goes on with a file of 64 MiB or more where the file was cut off. It sends a large file only when the service asks for it.',
    'The command takes the token from RPMYARD_TOKEN or a file, never from the arguments, where every user of the machine could read it.',
    'It sends nothing more once the service has refused the credentials.',
    'Ctrl-C ends it at once; run the same command again to send what is missing.',
  ],
  options: {
    url: {
      type: 'string',
      value: 'URL',
      text: 'The service: http://repo.example.com/upload, as curl -T takes it; when the path has no upload, the command adds /upload. Without this option the command takes the URL from RPMYARD_URL.',
    },
    wait: {
      type: 'boolean',
      text: 'End when hosts can install the packages, not when the service has accepted them.',
    },
    batch: {
      type: 'boolean',
      text: 'Publish all or nothing: the packages appear together, or none of them when one is refused.',
    },
    'batch-id': {
      type: 'string',
      value: 'ID',
      text: 'The same for a batch of this name, to which other jobs may have added packages. When a package is refused, the batch stays on the service, for another push with its name.',
    },
    releasever: RELEASEVER_OPTION,
    jobs: {
      type: 'string',
      short: 'j',
      value: 'NUMBER',
      text: 'How many files to send at once (default 4).',
    },
    timeout: {
      type: 'string',
      value: 'SECONDS',
      text: 'How long to try a package again while nothing goes forward, and how long --wait waits (default 600).',
    },
    'token-file': {
      type: 'string',
      value: 'FILE',
      text: 'The file that holds the token, instead of RPMYARD_TOKEN or the file that RPMYARD_TOKEN_FILE names.',
    },
    json: { type: 'boolean', text: 'Print one JSON document at the end.' },
  },
  exitCodes: {
    0: 'the service accepted all (with --wait: hosts can install them)',
    1: 'the service refused at least one',
    3: 'the command could not reach the service, or the service failed until the time was over',
    4: 'with --wait: the service accepted all, and not all were in the index in time',
  },
  files: '*.rpm',
} as const satisfies Command;

const TOKEN_GLOB = { type: 'string', multiple: true, value: 'GLOB' } as const;

export const TOKEN = {
  synopsis: 'new NAME',
  summary: 'make a token for uploads',
  description: [
    'Prints a new token, only this once, and the entry that gives it rights: put the entry into access.tokens of the configuration file and restart the service. Each option names repositories (9/x86_64, "9/*", "*") and may be repeated; without any option the token may upload everywhere. Every right includes read, and admin includes all.',
    'A client sends the token with curl -u NAME:TOKEN or as Authorization: Bearer TOKEN.',
  ],
  options: {
    upload: { ...TOKEN_GLOB, text: 'Repositories that the token may upload to.' },
    read: { ...TOKEN_GLOB, text: 'Repositories that the token may read.' },
    delete: { ...TOKEN_GLOB, text: 'Repositories that the token may delete from.' },
    admin: { ...TOKEN_GLOB, text: 'Repositories in which the token may do everything, reindexing included.' },
  },
  exitCodes: { 0: 'the token is printed' },
  actions: ['new'],
} as const satisfies Command;

export const KEY = {
  synopsis: 'init',
  summary: 'make a key that signs repository metadata',
  description: [
    'Makes an OpenPGP key (RSA 4096, only for signing, without an end) in the configured signing.gnupg_home, protected by the passphrase in signing.passphrase_file if there is one. The command prints the fingerprint of the key and the lines for the configuration. Run it as root or as the user of the service. Keep a copy of the GNUPGHOME: hosts trust this key.',
  ],
  options: {
    another: {
      type: 'boolean',
      text: 'Make one more key beside those that are there, to change over to it.',
    },
    data: DATA_OPTION,
    config: CONFIG_OPTION,
  },
  exitCodes: { 0: 'the key is made', 1: 'no key was made' },
  actions: ['init'],
} as const satisfies Command;

/** Every command by its name, in the order of the general help. */
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
  [CONFIG_VARIABLE]: 'The configuration file of commands without -c.',
  [PUSH_VARIABLES.url]: 'The service that "rpmyard push" sends to when no --url is given.',
  [PUSH_VARIABLES.token]: 'The token that "rpmyard push" shows.',
  [PUSH_VARIABLES.tokenFile]: 'The file that holds that token, when RPMYARD_TOKEN does not.',
  HTTP_PROXY:
    'The proxy through which "rpmyard push" reaches a service at an http URL: http://[USER:PASSWORD@]proxy.example.com:3128.',
  HTTPS_PROXY: 'The same for a service at an https URL.',
  NO_PROXY: 'Hosts that need no proxy: repo.example.com,.internal,10.0.0.1.',
  NODE_EXTRA_CA_CERTS: 'A file with further certificates that "rpmyard push" trusts.',
};
