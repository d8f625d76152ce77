import { type Static, Type } from 'typebox';
import { DEFAULT_RELEASEVER_PATTERNS } from './default-releasever-patterns.ts';

const CLOSED = { additionalProperties: false } as const;

/** What a token or a key may be called. */
export const CLIENT_NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$';

/** Names repositories as `<releasever>/<basearch>`; `*` stands for any characters. What can match none is refused. */
export const GLOB_PATTERN = '^(?:[A-Za-z0-9._+-]+/[A-Za-z0-9_]+|[A-Za-z0-9._+/-]*\\*[A-Za-z0-9._+*/-]*)$';

/** Where the packages are when a configuration file does not say. */
export const DEFAULT_TOP_DIR = '/srv/repo/storage';

const server = Type.Object(
  {
    address: Type.String({
      default: '127.0.0.1',
      minLength: 1,
      description:
        'Address to listen on, or the path of a unix socket (begins with "/"). Behind nginx take a socket that only the user of the service and of nginx reaches, as /srv/repo/state/rpmyard.sock in rpmyard.conf: on a port every user of this machine could name the spool file of another upload.',
    }),
    port: Type.Integer({
      default: 5000,
      minimum: 0,
      maximum: 65535,
      description: 'TCP port; unused with a socket.',
    }),
    prefix_url: Type.String({
      default: 'upload',
      pattern: '^/?[A-Za-z0-9_-]+/?$',
      description: 'First path segment of uploads: http://host/<prefix_url>.',
    }),
    upload_header: Type.String({
      default: 'X-Package-Name',
      pattern: '^[A-Za-z0-9-]*$',
      description:
        'Header in which the nginx in front passes the file it spooled the body to ($request_body_file). Empty: nobody is in front, bodies are taken directly and the header means nothing.',
    }),
    public_url: Type.String({
      default: '',
      pattern: '^(https?://[^/\\s]+(/[^\\s]*)?)?$',
      description:
        'How clients reach this server; every URL in answers and .repo files is built from it. Empty: http://<address>:<port>.',
    }),
    spool_dir: Type.String({
      default: '',
      description: 'Where bodies are spooled (nginx: client_body_temp_path). Empty: "spool" beside top_dir.',
    }),
    max_upload_bytes: Type.String({
      default: '4 GiB',
      description: 'Largest package taken; larger ones are answered 413. nginx: client_max_body_size.',
    }),
  },
  CLOSED,
);

const repo = Type.Object(
  {
    top_dir: Type.String({
      minLength: 1,
      default: DEFAULT_TOP_DIR,
      description: 'Root of the repositories.',
    }),
    state_dir: Type.String({
      default: '',
      description:
        'Records and uploads in progress. Empty: "state" beside top_dir; must lie outside top_dir, on the same mount.',
    }),
  },
  CLOSED,
);

const BASEARCH_PATTERN = '^[A-Za-z0-9_]{1,64}$';

const layout = Type.Object(
  {
    releasever: Type.Array(Type.String(), {
      default: [...DEFAULT_RELEASEVER_PATTERNS],
      minItems: 1,
      description:
        'Regular expressions for the release tag, each with a group (?<releasever>...); the first match wins.',
    }),
    noarch: Type.Array(Type.String({ pattern: BASEARCH_PATTERN }), {
      default: ['x86_64', 'aarch64'],
      uniqueItems: true,
      description: 'A noarch package is linked into each of these; [] keeps a noarch repository of its own.',
    }),
    multilib: Type.Record(
      Type.String({ pattern: BASEARCH_PATTERN }),
      Type.Array(Type.String({ pattern: BASEARCH_PATTERN }), { uniqueItems: true }),
      {
        default: { i386: ['x86_64'] },
        description:
          'Basearch: where its packages are linked as well, since hosts there install them (i686 packages on x86_64). Holds for what is uploaded from then on; {} links nothing.',
      },
    ),
  },
  CLOSED,
);

const globs = Type.Array(Type.String({ pattern: GLOB_PATTERN }), { uniqueItems: true });
// Without control characters, which XML has not. createrepo_c drops a distribution without a name.
const words = Type.Array(Type.String({ pattern: '^[^\\u0000-\\u001f\\u007f]+$' }), { uniqueItems: true });
const distros = Type.Array(Type.String({ pattern: '^(?![^,]*,$)[^\\u0000-\\u001f\\u007f]+$' }), {
  uniqueItems: true,
});

const indexUpdater = Type.Object(
  {
    engine: Type.Enum(['incremental', 'createrepo'], {
      default: 'incremental',
      description:
        'What builds the metadata: our own engine, which describes what changed and copies the rest, or createrepo_c. A file that names an executable and no engine means createrepo.',
    }),
    zstd_releasevers: Type.Array(Type.String({ pattern: '^[A-Za-z0-9_][A-Za-z0-9._+-]*$' }), {
      default: [],
      uniqueItems: true,
      description:
        'Releasevers (such as 10 or amzn2023) whose metadata is compressed with zstd instead of gzip, which yum of Enterprise Linux 7 and dnf of 8.3 and older cannot read. Only for the incremental engine.',
    }),
    repodata_tags: Type.Array(
      Type.Object(
        {
          repositories: globs,
          content: Type.Optional(words),
          repo: Type.Optional(words),
          distro: Type.Optional(distros),
        },
        CLOSED,
      ),
      {
        default: [],
        description:
          'What repomd.xml says of a repository beside its metadata, as with --content, --repo and --distro of createrepo_c: entries with repositories and lists content, repo and distro ("CPEID,NAME" or "NAME"). The first entry that names a repository counts, and one without lists removes what is there. A repository that no entry names keeps what was taken over with it.',
      },
    ),
    executable: Type.String({
      default: 'createrepo_c',
      minLength: 1,
      description: 'The createrepo_c to run; a missing createrepo is replaced by an installed createrepo_c.',
    }),
    cmdline: Type.String({
      default: '',
      description:
        'More options for it, separated by blanks; those that the service sets itself are refused.',
    }),
    quiet_seconds: Type.Number({
      default: 30,
      minimum: 0,
      maximum: 3600,
      description:
        'The index is rebuilt when no package arrived for this long. 0: at once, still one run at a time.',
    }),
    max_wait_seconds: Type.Number({
      default: 300,
      minimum: 0,
      maximum: 86400,
      description: 'The index is rebuilt after this long even if packages keep arriving.',
    }),
    timeout_seconds: Type.Integer({
      default: 3600,
      minimum: 1,
      maximum: 86400,
      description:
        'A run that takes longer is ended and counts as failed; raise it for very large repositories.',
    }),
    concurrency: Type.Integer({
      default: 1,
      minimum: 1,
      maximum: 64,
      description: 'Repositories rebuilt at the same time. One repository is never rebuilt twice at once.',
    }),
    keep_old_hours: Type.Number({
      default: 24,
      minimum: 1,
      maximum: 8760,
      description: 'How long superseded metadata stays for clients that read an older repomd.xml.',
    }),
    keep_old_bytes: Type.String({
      default: '10 GiB',
      description:
        'Above this, superseded metadata older than an hour goes earlier, the oldest first (per repository).',
    }),
  },
  CLOSED,
);

const batches = Type.Object(
  {
    keep_hours: Type.Number({
      default: 24,
      minimum: 0.1,
      maximum: 8760,
      description:
        'A batch that nobody commits is dropped when nothing came to it for this long; one that was committed is remembered as long.',
    }),
  },
  CLOSED,
);

const log = Type.Object(
  {
    name: Type.Enum(['stdout', 'stderr', 'syslog'], {
      default: 'stdout',
      description: 'Where the log goes; syslog: standard output with the level prefixes that journald reads.',
    }),
    level: Type.Enum(['TRACE', 'DEBUG', 'INFO', 'WARN', 'WARNING', 'ERROR', 'FATAL', 'CRITICAL'], {
      default: 'INFO',
      description: 'Least severe level that is logged.',
    }),
  },
  CLOSED,
);

/** What a token or key may do, each right on the repositories that its globs name. */
const rights = {
  read: Type.Optional(globs),
  upload: Type.Optional(globs),
  delete: Type.Optional(globs),
  admin: Type.Optional(globs),
};

const access = Type.Object(
  {
    tokens: Type.Array(
      Type.Object(
        {
          name: Type.String({ pattern: CLIENT_NAME_PATTERN }),
          hash: Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }),
          ...rights,
        },
        CLOSED,
      ),
      {
        default: [],
        description:
          'Who may do what: entries with name, hash, and lists of repositories for read, upload, delete and admin, such as upload: ["9/*"]. "rpmyard token new NAME" prints a token and its entry. Without tokens and keys everybody who reaches the service may do everything, so it then listens on a loopback address or a unix socket only.',
      },
    ),
    keys: Type.Array(
      Type.Object(
        {
          id: Type.String({ pattern: CLIENT_NAME_PATTERN }),
          file: Type.String({ minLength: 1 }),
          allow_plain_signature: Type.Optional(Type.Boolean()),
          ...rights,
        },
        CLOSED,
      ),
      {
        default: [],
        description:
          'Keys of clients that sign their requests instead of sending a token: entries with id, file (mode 0600, 32 bytes or more) and the lists of a token. allow_plain_signature: true takes "X-Signature: sha1=..." over the file alone as well, which can be replayed.',
      },
    ),
    require_credentials: Type.Boolean({
      default: false,
      description:
        'Uploads and changes need a token or a key even before the first one is listed. Set it where others than yourself reach the service.',
    }),
    public_read: Type.Array(Type.String({ pattern: GLOB_PATTERN }), {
      default: ['*'],
      uniqueItems: true,
      description:
        'Repositories that everybody may read; the others need the right read, and behind nginx `set $rpmyard_reading asked;` in rpmyard.conf, or nginx gives them to everybody. Keys and .repo files are always public.',
    }),
    audit_log: Type.String({
      default: '',
      description:
        'File that gets a line of JSON for each upload, change and refusal. Empty: "audit.log" in state_dir.',
    }),
  },
  CLOSED,
);

const signing = Type.Object(
  {
    keys: Type.Array(Type.String({ pattern: '^[0-9A-Fa-f]{16,64}$' }), {
      default: [],
      uniqueItems: true,
      description:
        'Fingerprints of the OpenPGP keys that hosts are to trust; the first one signs. "rpmyard key init" makes a key. Empty: nothing is signed.',
    }),
    gnupg_home: Type.String({
      default: '',
      description: 'GNUPGHOME that holds the keys or the socket of their agent. Empty: "gnupg" in state_dir.',
    }),
    passphrase_file: Type.String({
      default: '',
      description:
        'File (mode 0600) with the passphrase of the keys. Empty: they have none, or the agent knows it.',
    }),
    sign_packages: Type.Boolean({
      default: false,
      description:
        'Sign packages too when they are uploaded, with the first key (gpg, gpgv and rpmsign must be installed). Changes their bytes and replaces signatures of others; what one of the keys signed before stays as it is.',
    }),
  },
  CLOSED,
);

const packageSignatures = Type.Object(
  {
    keyrings: Type.Array(
      Type.Object(
        {
          repositories: globs,
          key_files: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }),
          require: Type.Optional(Type.Enum(['none', 'signed'])),
          weak: Type.Optional(Type.Enum(['refuse', 'accept'])),
        },
        CLOSED,
      ),
      {
        default: [],
        description:
          'Whose packages are trusted: entries with repositories, key_files (public OpenPGP keys) and require: signed (a package without a good signature of one of these keys is refused) or none (only shown; the default); with require: signed also weak: refuse (the default) or accept, for packages whose signature fits but has a digest or key that hosts of today refuse (SHA-1, DSA, RSA below 2048 bits). A signature that does not fit its package is refused with both. The first entry that names a repository counts. gpg and gpgv must be installed; key files are read at start.',
      },
    ),
  },
  CLOSED,
);

const dropDirectory = Type.Object(
  {
    path: Type.String({
      default: '',
      description:
        'Directory whose packages (*.rpm) are taken in as uploads are and removed then, or moved into "rejected" in it with the reason in a .txt. Must lie apart from top_dir, state_dir and spool_dir; may be on another mount. Empty: there is none.',
    }),
    settle_seconds: Type.Number({
      default: 5,
      minimum: 0,
      maximum: 3600,
      description:
        'A file that was written in place is looked at when nothing was written to it for this long; one that was renamed in at once.',
    }),
    give_up_seconds: Type.Number({
      default: 3600,
      minimum: 0,
      maximum: 604800,
      description:
        'A file that is cut off counts as still arriving; it is refused when nothing happened to it for this long. Less where lines are good and senders look into "rejected" for an answer, more where a transfer is resumed hours later; a transfer that pauses for longer is refused in its middle.',
    }),
    upload: Type.Array(Type.String({ pattern: GLOB_PATTERN }), {
      default: ['*'],
      uniqueItems: true,
      description: 'Repositories that dropped packages may go to, such as 9/*.',
    }),
  },
  CLOSED,
);

/** The configuration file: types, defaults, ranges and texts. config.example.yml and the checks come from here. */
export const CONFIG_SCHEMA = Type.Object(
  {
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
  CLOSED,
);

/** The file's content after defaults, in the file's own names and units. */
export type ConfigFile = Static<typeof CONFIG_SCHEMA>;
