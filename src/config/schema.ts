import { type Static, Type } from 'typebox';

const CLOSED = { additionalProperties: false } as const;

/**
 * The dist tags we know, tried in this order on the package's Release; the first match gives the releasever.
 * `el` and `fc` give their bare number, every other tag is kept whole so that distributions never mix.
 */
export const DEFAULT_RELEASEVER_PATTERNS: readonly string[] = [
  '[.+_]el(?<releasever>\\d+)',
  '\\.fc(?<releasever>\\d+)',
  '\\.(?<releasever>amzn\\d+)',
  '\\.(?<releasever>mga\\d+)',
  '\\.(?<releasever>oe\\d+(?:sp\\d+)?)',
  '\\.(?<releasever>cm\\d+)',
  '\\.(?<releasever>azl\\d+)',
  '(?:^|\\.)(?<releasever>[lb]p\\d+)\\.',
  '^(?<releasever>150\\d00)\\.',
];

const server = Type.Object(
  {
    address: Type.String({
      default: '127.0.0.1',
      minLength: 1,
      description: 'Address to listen on, or the path of a unix socket (begins with "/").',
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
      default: '/srv/repo/storage',
      description: 'Root of the repositories.',
    }),
    state_dir: Type.String({
      default: '',
      description:
        'Marks, records and uploads in progress. Empty: "state" beside top_dir; must lie outside top_dir, on the same mount.',
    }),
  },
  CLOSED,
);

const layout = Type.Object(
  {
    releasever: Type.Array(Type.String(), {
      default: [...DEFAULT_RELEASEVER_PATTERNS],
      minItems: 1,
      description:
        'Regular expressions for the release tag, each with a group (?<releasever>...); the first match wins.',
    }),
    noarch: Type.Array(Type.String({ pattern: '^[A-Za-z0-9_]+$' }), {
      default: ['x86_64', 'aarch64'],
      uniqueItems: true,
      description: 'A noarch package is linked into each of these; [] keeps a noarch repository of its own.',
    }),
  },
  CLOSED,
);

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

/** The configuration file: types, defaults, ranges and texts. config.example.yml and the checks come from here. */
export const CONFIG_SCHEMA = Type.Object({ server, repo, layout, index_updater: indexUpdater, log }, CLOSED);

/** The file's content after defaults, in the file's own names and units. */
export type ConfigFile = Static<typeof CONFIG_SCHEMA>;
