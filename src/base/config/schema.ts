import type { JsonSchema, TypeOf } from '../schema/json-schema.ts';
import { DEFAULT_RELEASEVER_PATTERNS } from './default-releasever-patterns.ts';

/** Names that a token or a key may have. */
export const CLIENT_NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$';

/** Names repositories as `<releasever>/<basearch>`; `*` stands for any characters. A glob that no name can match is refused. */
export const GLOB_PATTERN = '^(?:[A-Za-z0-9._+-]+/[A-Za-z0-9_]+|[A-Za-z0-9._+/-]*\\*[A-Za-z0-9._+*/-]*)$';

/** The directory of the packages when a configuration file names none. */
export const DEFAULT_TOP_DIR = '/srv/repo/storage';

const server = {
  type: 'object',
  properties: {
    address: {
      type: 'string',
      default: '127.0.0.1',
      minLength: 1,
      description:
        'Address to listen on, or the path of a unix socket (begins with "/"). Behind nginx choose a socket that only the user of nginx and the service can reach, such as /srv/repo/state/rpmyard.sock in rpmyard.conf: on a port every user of this machine could name the spool file of another upload.',
    },
    port: {
      type: 'integer',
      default: 5000,
      minimum: 0,
      maximum: 65535,
      description: 'TCP port; unused with a socket.',
    },
    prefix_url: {
      type: 'string',
      default: 'upload',
      pattern: '^/?[A-Za-z0-9_-]+/?$',
      description: 'First path segment of uploads: http://host/<prefix_url>.',
    },
    upload_header: {
      type: 'string',
      default: 'X-Package-Name',
      pattern: '^[A-Za-z0-9-]*$',
      description:
        'Header in which the nginx in front names the file that it spooled the body to ($request_body_file). Empty: there is no nginx in front, the service takes bodies directly, and the header means nothing.',
    },
    public_url: {
      type: 'string',
      default: '',
      pattern: '^(https?://[^/\\s]+(/[^\\s]*)?)?$',
      description:
        'The URL by which clients reach this server; every URL in answers and .repo files begins with it. Empty: http://<address>:<port>.',
    },
    spool_dir: {
      type: 'string',
      default: '',
      description:
        'Directory for bodies of uploads (nginx: client_body_temp_path). Empty: "spool" beside top_dir.',
    },
    max_upload_bytes: {
      type: 'string',
      default: '4 GiB',
      description:
        'The largest package that the service takes; it answers larger ones with 413. nginx: client_max_body_size.',
    },
  },
  required: ['address', 'port', 'prefix_url', 'upload_header', 'public_url', 'spool_dir', 'max_upload_bytes'],
  additionalProperties: false,
} as const satisfies JsonSchema;

const repo = {
  type: 'object',
  properties: {
    top_dir: {
      type: 'string',
      minLength: 1,
      default: DEFAULT_TOP_DIR,
      description: 'Root of the repositories.',
    },
    state_dir: {
      type: 'string',
      default: '',
      description:
        'Directory for records and uploads under way. It must lie outside top_dir, on the same mount. Empty: "state" beside top_dir.',
    },
  },
  required: ['top_dir', 'state_dir'],
  additionalProperties: false,
} as const satisfies JsonSchema;

const BASEARCH_PATTERN = '^[A-Za-z0-9_]{1,64}$';

const layout = {
  type: 'object',
  properties: {
    releasever: {
      type: 'array',
      items: { type: 'string' },
      default: [...DEFAULT_RELEASEVER_PATTERNS],
      minItems: 1,
      description:
        'Regular expressions for the release tag, each with a group (?<releasever>...); the first match wins.',
    },
    noarch: {
      type: 'array',
      items: { type: 'string', pattern: BASEARCH_PATTERN },
      default: ['x86_64', 'aarch64'],
      uniqueItems: true,
      description:
        'Basearchs into whose repositories each noarch package is linked; with [] they go into a noarch repository of their own.',
    },
    multilib: {
      type: 'object',
      patternProperties: {
        [BASEARCH_PATTERN]: {
          type: 'array',
          items: { type: 'string', pattern: BASEARCH_PATTERN },
          uniqueItems: true,
        },
      },
      additionalProperties: false,
      default: { i386: ['x86_64'] },
      description:
        'For a basearch, the other basearchs whose hosts install its packages too (i686 packages on x86_64): the service links the packages there as well. It does so for uploads from then on. {} links nothing.',
    },
  },
  required: ['releasever', 'noarch', 'multilib'],
  additionalProperties: false,
} as const satisfies JsonSchema;

const globs = {
  type: 'array',
  items: { type: 'string', pattern: GLOB_PATTERN },
  uniqueItems: true,
} as const satisfies JsonSchema;
// Without control characters, which XML cannot hold. createrepo_c drops a distribution without a name.
const words = {
  type: 'array',
  items: { type: 'string', pattern: '^[^\\u0000-\\u001f\\u007f]+$' },
  uniqueItems: true,
} as const satisfies JsonSchema;
const distros = {
  type: 'array',
  items: { type: 'string', pattern: '^(?![^,]*,$)[^\\u0000-\\u001f\\u007f]+$' },
  uniqueItems: true,
} as const satisfies JsonSchema;

const indexUpdater = {
  type: 'object',
  properties: {
    engine: {
      enum: ['incremental', 'createrepo'],
      default: 'incremental',
      description:
        'The program that builds the metadata: the engine of the service, which describes what changed and copies the rest, or createrepo_c. A file that names an executable and no engine means createrepo.',
    },
    zstd_releasevers: {
      type: 'array',
      items: { type: 'string', pattern: '^[A-Za-z0-9_][A-Za-z0-9._+-]*$' },
      default: [],
      uniqueItems: true,
      description:
        'Releasevers (such as 10 or amzn2023) whose metadata is compressed with zstd instead of gzip. yum of Enterprise Linux 7 and dnf of 8.3 and older cannot read zstd. Only for the incremental engine.',
    },
    repodata_tags: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          repositories: globs,
          content: words,
          repo: words,
          distro: distros,
        },
        required: ['repositories'],
        additionalProperties: false,
      },
      default: [],
      description:
        'Tags of a repository in repomd.xml, as --content, --repo and --distro of createrepo_c write them: entries with repositories and the lists content, repo and distro ("CPEID,NAME" or "NAME"). The first entry that names a repository counts; an entry without lists removes the tags that are there. A repository that no entry names keeps the tags that were taken over with it.',
    },
    executable: {
      type: 'string',
      default: 'createrepo_c',
      minLength: 1,
      description:
        'The createrepo_c to run. When it is "createrepo" and only createrepo_c is installed, the service runs that.',
    },
    cmdline: {
      type: 'string',
      default: '',
      description:
        'More options for createrepo_c, separated by blanks; options that the service sets itself are refused.',
    },
    quiet_seconds: {
      type: 'number',
      default: 30,
      minimum: 0,
      maximum: 3600,
      description:
        'The service rebuilds the index when no package has arrived for this long. 0: at once, still one run at a time.',
    },
    max_wait_seconds: {
      type: 'number',
      default: 300,
      minimum: 0,
      maximum: 86400,
      description: 'The service rebuilds the index after this long even if packages keep arriving.',
    },
    timeout_seconds: {
      type: 'integer',
      default: 3600,
      minimum: 1,
      maximum: 86400,
      description:
        'The service ends a run that takes longer, and the run counts as failed. Raise it for very large repositories.',
    },
    concurrency: {
      type: 'integer',
      default: 1,
      minimum: 1,
      maximum: 64,
      description:
        'How many repositories are rebuilt at the same time. One repository is never rebuilt twice at once.',
    },
    keep_old_hours: {
      type: 'number',
      default: 24,
      minimum: 1,
      maximum: 8760,
      description: 'How long superseded metadata stays, for clients that have read an older repomd.xml.',
    },
    keep_old_bytes: {
      type: 'string',
      default: '10 GiB',
      description:
        'When a repository has more superseded metadata than this, the service removes the part older than an hour earlier, the oldest first.',
    },
  },
  required: [
    'engine',
    'zstd_releasevers',
    'repodata_tags',
    'executable',
    'cmdline',
    'quiet_seconds',
    'max_wait_seconds',
    'timeout_seconds',
    'concurrency',
    'keep_old_hours',
    'keep_old_bytes',
  ],
  additionalProperties: false,
} as const satisfies JsonSchema;

const batches = {
  type: 'object',
  properties: {
    keep_hours: {
      type: 'number',
      default: 24,
      minimum: 0.1,
      maximum: 8760,
      description:
        'The service drops a batch that is not committed when no request changed it for this long. It remembers a committed batch as long.',
    },
  },
  required: ['keep_hours'],
  additionalProperties: false,
} as const satisfies JsonSchema;

const log = {
  type: 'object',
  properties: {
    name: {
      enum: ['stdout', 'stderr', 'syslog'],
      default: 'stdout',
      description: 'Where the log goes; syslog: standard output with the level prefixes that journald reads.',
    },
    level: {
      enum: ['TRACE', 'DEBUG', 'INFO', 'WARN', 'WARNING', 'ERROR', 'FATAL', 'CRITICAL'],
      default: 'INFO',
      description: 'Least severe level that is logged.',
    },
  },
  required: ['name', 'level'],
  additionalProperties: false,
} as const satisfies JsonSchema;

/** The rights of a token or key, each for the repositories that its globs name. */
const rights = {
  read: globs,
  upload: globs,
  delete: globs,
  admin: globs,
} as const;

const access = {
  type: 'object',
  properties: {
    tokens: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          name: { type: 'string', pattern: CLIENT_NAME_PATTERN },
          hash: { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' },
          ...rights,
        },
        required: ['name', 'hash'],
        additionalProperties: false,
      },
      default: [],
      description:
        'Tokens of clients, with what each may do: entries with name, hash, and lists of repositories for read, upload, delete and admin, such as upload: ["9/*"]. "rpmyard token new NAME" prints a token and its entry. Without tokens and keys every client that reaches the service may do everything, so it then listens only on a loopback address or a unix socket.',
    },
    keys: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          id: { type: 'string', pattern: CLIENT_NAME_PATTERN },
          file: { type: 'string', minLength: 1 },
          allow_plain_signature: { type: 'boolean' },
          ...rights,
        },
        required: ['id', 'file'],
        additionalProperties: false,
      },
      default: [],
      description:
        'Keys of clients that sign their requests instead of sending a token: entries with id, file (mode 0600, 32 bytes or more) and the lists of a token. With allow_plain_signature: true the service also takes "X-Signature: sha1=..." over the file alone, which an eavesdropper can send again.',
    },
    require_credentials: {
      type: 'boolean',
      default: false,
      description:
        'Uploads and changes need a token or a key even before the first one is listed. Set it when other people than you can reach the service.',
    },
    public_read: {
      type: 'array',
      items: { type: 'string', pattern: GLOB_PATTERN },
      default: ['*'],
      uniqueItems: true,
      description:
        'Repositories that every client may read. The others need the right read, and behind nginx also `set $rpmyard_reading asked;` in rpmyard.conf: without that line nginx gives them to every client. Keys and .repo files are always public.',
    },
    audit_log: {
      type: 'string',
      default: '',
      description:
        'File to which the service writes a line of JSON for each upload, change and refusal. Empty: "audit.log" in state_dir.',
    },
  },
  required: ['tokens', 'keys', 'require_credentials', 'public_read', 'audit_log'],
  additionalProperties: false,
} as const satisfies JsonSchema;

const signing = {
  type: 'object',
  properties: {
    keys: {
      type: 'array',
      items: { type: 'string', pattern: '^[0-9A-Fa-f]{16,64}$' },
      default: [],
      uniqueItems: true,
      description:
        'Fingerprints of the OpenPGP keys that hosts should trust; the first one signs. "rpmyard key init" makes a key. Empty: the service signs nothing.',
    },
    gnupg_home: {
      type: 'string',
      default: '',
      description: 'GNUPGHOME that holds the keys or the socket of their agent. Empty: "gnupg" in state_dir.',
    },
    passphrase_file: {
      type: 'string',
      default: '',
      description:
        'File (mode 0600) with the passphrase of the keys. Empty: they have none, or the agent knows it.',
    },
    sign_packages: {
      type: 'boolean',
      default: false,
      description:
        'Sign packages too when they are uploaded, with the first key (gpg, gpgv and rpmsign must be installed). This changes their bytes and replaces signatures of other keys. A package that one of these keys signed before stays as it is.',
    },
  },
  required: ['keys', 'gnupg_home', 'passphrase_file', 'sign_packages'],
  additionalProperties: false,
} as const satisfies JsonSchema;

const packageSignatures = {
  type: 'object',
  properties: {
    keyrings: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          repositories: globs,
          key_files: { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 },
          require: { enum: ['none', 'signed'] },
          weak: { enum: ['refuse', 'accept'] },
        },
        required: ['repositories', 'key_files'],
        additionalProperties: false,
      },
      default: [],
      description:
        'Keys whose packages are trusted: entries with repositories, key_files (public OpenPGP keys) and require. With require: signed the service refuses a package without a good signature of one of these keys; with none (the default) it only shows how it judges the signature. With require: signed also weak: refuse (the default) or accept, for packages whose signature fits but has a digest or key that hosts of today refuse (SHA-1, DSA, RSA below 2048 bits). The service always refuses a signature that does not fit its package. The first entry that names a repository counts. gpg and gpgv must be installed; the service reads the key files when it starts.',
    },
  },
  required: ['keyrings'],
  additionalProperties: false,
} as const satisfies JsonSchema;

const dropDirectory = {
  type: 'object',
  properties: {
    path: {
      type: 'string',
      default: '',
      description:
        'Directory into which users drop packages (*.rpm). The service takes each in like an upload and removes the file, or moves it into "rejected" there with the reason in a .txt. The directory must lie apart from top_dir, state_dir and spool_dir; it may be on another mount. Empty: there is none.',
    },
    settle_seconds: {
      type: 'number',
      default: 5,
      minimum: 0,
      maximum: 3600,
      description:
        'The service looks at a file that is written in place when nothing was written to it for this long, and at a file that is renamed into its place at once.',
    },
    give_up_seconds: {
      type: 'number',
      default: 3600,
      minimum: 0,
      maximum: 604800,
      description:
        'A file that is cut off counts as still arriving; the service refuses it when nothing happened to it for this long. Lower it where lines are good and senders look into "rejected" for an answer. Raise it where senders resume transfers hours later: a transfer that pauses for longer is refused in its middle.',
    },
    upload: {
      type: 'array',
      items: { type: 'string', pattern: GLOB_PATTERN },
      default: ['*'],
      uniqueItems: true,
      description: 'Repositories that dropped packages may go to, such as 9/*.',
    },
  },
  required: ['path', 'settle_seconds', 'give_up_seconds', 'upload'],
  additionalProperties: false,
} as const satisfies JsonSchema;

/** The configuration file: types, defaults, ranges and texts. config.example.yml and the checks come from here. */
export const CONFIG_SCHEMA = {
  type: 'object',
  properties: {
    server,
    repo,
    layout,
    index_updater: indexUpdater,
    access,
    signing,
    package_signatures: packageSignatures,
    batches,
    drop_directory: dropDirectory,
    log,
  },
  required: [
    'server',
    'repo',
    'layout',
    'index_updater',
    'access',
    'signing',
    'package_signatures',
    'batches',
    'drop_directory',
    'log',
  ],
  additionalProperties: false,
} as const satisfies JsonSchema;

/** The file's content after defaults, in the file's own names and units. */
export type ConfigFile = TypeOf<typeof CONFIG_SCHEMA>;
