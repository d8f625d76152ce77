import type { JsonSchema, TypeOf } from '../schema/json-schema.ts';
import { DEFAULT_RELEASEVER_PATTERNS } from './default-releasever-patterns.ts';

/** What a token or a key may be called. */
export const CLIENT_NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$';

/** Names repositories as `<releasever>/<basearch>`; `*` stands for any characters. What can match none is refused. */
export const GLOB_PATTERN = '^(?:[A-Za-z0-9._+-]+/[A-Za-z0-9_]+|[A-Za-z0-9._+/-]*\\*[A-Za-z0-9._+*/-]*)$';

/** Where the packages are when a configuration file does not say. */
export const DEFAULT_TOP_DIR = '/srv/repo/storage';

const server = {
  type: 'object',
  properties: {
    address: {
      type: 'string',
      default: '127.0.0.1',
      minLength: 1,
      description:
        'Address to listen on, or the path of a unix socket (begins with "/"). Behind nginx take a socket that only the user of the service and of nginx reaches, as /srv/repo/state/rpmyard.sock in rpmyard.conf: on a port every user of this machine could name the spool file of another upload.',
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
        'Header in which the nginx in front passes the file it spooled the body to ($request_body_file). Empty: nobody is in front, bodies are taken directly and the header means nothing.',
    },
    public_url: {
      type: 'string',
      default: '',
      pattern: '^(https?://[^/\\s]+(/[^\\s]*)?)?$',
      description:
        'How clients reach this server; every URL in answers and .repo files is built from it. Empty: http://<address>:<port>.',
    },
    spool_dir: {
      type: 'string',
      default: '',
      description: 'Where bodies are spooled (nginx: client_body_temp_path). Empty: "spool" beside top_dir.',
    },
    max_upload_bytes: {
      type: 'string',
      default: '4 GiB',
      description: 'Largest package taken; larger ones are answered 413. nginx: client_max_body_size.',
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
        'Records and uploads in progress. Empty: "state" beside top_dir; must lie outside top_dir, on the same mount.',
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
      description: 'A noarch package is linked into each of these; [] keeps a noarch repository of its own.',
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
        'Basearch: where its packages are linked as well, since hosts there install them (i686 packages on x86_64). Holds for what is uploaded from then on; {} links nothing.',
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
// Without control characters, which XML has not. createrepo_c drops a distribution without a name.
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
        'What builds the metadata: our own engine, which describes what changed and copies the rest, or createrepo_c. A file that names an executable and no engine means createrepo.',
    },
    zstd_releasevers: {
      type: 'array',
      items: { type: 'string', pattern: '^[A-Za-z0-9_][A-Za-z0-9._+-]*$' },
      default: [],
      uniqueItems: true,
      description:
        'Releasevers (such as 10 or amzn2023) whose metadata is compressed with zstd instead of gzip, which yum of Enterprise Linux 7 and dnf of 8.3 and older cannot read. Only for the incremental engine.',
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
        'What repomd.xml says of a repository beside its metadata, as with --content, --repo and --distro of createrepo_c: entries with repositories and lists content, repo and distro ("CPEID,NAME" or "NAME"). The first entry that names a repository counts, and one without lists removes what is there. A repository that no entry names keeps what was taken over with it.',
    },
    executable: {
      type: 'string',
      default: 'createrepo_c',
      minLength: 1,
      description: 'The createrepo_c to run; a missing createrepo is replaced by an installed createrepo_c.',
    },
    cmdline: {
      type: 'string',
      default: '',
      description:
        'More options for it, separated by blanks; those that the service sets itself are refused.',
    },
    quiet_seconds: {
      type: 'number',
      default: 30,
      minimum: 0,
      maximum: 3600,
      description:
        'The index is rebuilt when no package arrived for this long. 0: at once, still one run at a time.',
    },
    max_wait_seconds: {
      type: 'number',
      default: 300,
      minimum: 0,
      maximum: 86400,
      description: 'The index is rebuilt after this long even if packages keep arriving.',
    },
    timeout_seconds: {
      type: 'integer',
      default: 3600,
      minimum: 1,
      maximum: 86400,
      description:
        'A run that takes longer is ended and counts as failed; raise it for very large repositories.',
    },
    concurrency: {
      type: 'integer',
      default: 1,
      minimum: 1,
      maximum: 64,
      description: 'Repositories rebuilt at the same time. One repository is never rebuilt twice at once.',
    },
    keep_old_hours: {
      type: 'number',
      default: 24,
      minimum: 1,
      maximum: 8760,
      description: 'How long superseded metadata stays for clients that read an older repomd.xml.',
    },
    keep_old_bytes: {
      type: 'string',
      default: '10 GiB',
      description:
        'Above this, superseded metadata older than an hour goes earlier, the oldest first (per repository).',
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
        'A batch that nobody commits is dropped when nothing came to it for this long; one that was committed is remembered as long.',
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

/** What a token or key may do, each right on the repositories that its globs name. */
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
        'Who may do what: entries with name, hash, and lists of repositories for read, upload, delete and admin, such as upload: ["9/*"]. "rpmyard token new NAME" prints a token and its entry. Without tokens and keys everybody who reaches the service may do everything, so it then listens on a loopback address or a unix socket only.',
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
        'Keys of clients that sign their requests instead of sending a token: entries with id, file (mode 0600, 32 bytes or more) and the lists of a token. allow_plain_signature: true takes "X-Signature: sha1=..." over the file alone as well, which can be replayed.',
    },
    require_credentials: {
      type: 'boolean',
      default: false,
      description:
        'Uploads and changes need a token or a key even before the first one is listed. Set it where others than yourself reach the service.',
    },
    public_read: {
      type: 'array',
      items: { type: 'string', pattern: GLOB_PATTERN },
      default: ['*'],
      uniqueItems: true,
      description:
        'Repositories that everybody may read; the others need the right read, and behind nginx `set $rpmyard_reading asked;` in rpmyard.conf, or nginx gives them to everybody. Keys and .repo files are always public.',
    },
    audit_log: {
      type: 'string',
      default: '',
      description:
        'File that gets a line of JSON for each upload, change and refusal. Empty: "audit.log" in state_dir.',
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
        'Fingerprints of the OpenPGP keys that hosts are to trust; the first one signs. "rpmyard key init" makes a key. Empty: nothing is signed.',
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
        'Sign packages too when they are uploaded, with the first key (gpg, gpgv and rpmsign must be installed). Changes their bytes and replaces signatures of others; what one of the keys signed before stays as it is.',
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
        'Whose packages are trusted: entries with repositories, key_files (public OpenPGP keys) and require: signed (a package without a good signature of one of these keys is refused) or none (only shown; the default); with require: signed also weak: refuse (the default) or accept, for packages whose signature fits but has a digest or key that hosts of today refuse (SHA-1, DSA, RSA below 2048 bits). A signature that does not fit its package is refused with both. The first entry that names a repository counts. gpg and gpgv must be installed; key files are read at start.',
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
        'Directory whose packages (*.rpm) are taken in as uploads are and removed then, or moved into "rejected" in it with the reason in a .txt. Must lie apart from top_dir, state_dir and spool_dir; may be on another mount. Empty: there is none.',
    },
    settle_seconds: {
      type: 'number',
      default: 5,
      minimum: 0,
      maximum: 3600,
      description:
        'A file that was written in place is looked at when nothing was written to it for this long; one that was renamed in at once.',
    },
    give_up_seconds: {
      type: 'number',
      default: 3600,
      minimum: 0,
      maximum: 604800,
      description:
        'A file that is cut off counts as still arriving; it is refused when nothing happened to it for this long. Less where lines are good and senders look into "rejected" for an answer, more where a transfer is resumed hours later; a transfer that pauses for longer is refused in its middle.',
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
