import type { ParameterName } from '../../src/api/parameters.ts';
import type { RouteName } from '../../src/http/routes.ts';

/** Where docs/http.md shows a route, and by which the description of the API groups it. */
export type RouteGroup = 'uploads' | 'batches' | 'resumable' | 'state' | 'repositories' | 'health';

/** What people are told of a route. */
export interface RouteText {
  readonly group: RouteGroup;
  /** A few words for lists of routes. */
  readonly summary: string;
  /** The answer, in Markdown, as docs/http.md has it. */
  readonly answer: string;
  /** What stands at the end of the path, where any path may stand. */
  readonly rest?: string;
  /** Headers of the request that belong to this route. */
  readonly headers?: readonly HeaderName[];
}

/** Routes that clients use: not those that only refuse, or that the nginx in front asks. */
export type DocumentedRoute = Exclude<RouteName, 'refuseUploadMethod' | 'mayUpload' | 'mayRead'>;

const DIGESTS = ['Content-Digest', 'Repr-Digest', 'X-Checksum-Sha256'] as const;
const UPLOADED =
  '201 the package is new, 200 the same bytes were there already. Of a form (`curl -F file=@a.rpm -F file=@b.rpm`) 201 or 200 when all went well; one file that fails answers with its own error; several answer 207, each with its result (`curl -f` takes 207 for success: look at the lines, or send one file a request)';

export const PARAMETER_TEXTS: Readonly<Record<ParameterName, string>> = {
  wait: 'seconds to wait until what was asked for is done, at most 50',
  releasever: 'the releasever that the package goes to; several with commas between them',
  batch: 'the batch that the package belongs to',
  full: 'read every package again',
  takeOver: 'publish what lies there although the index of another program says something else',
};

export const HEADER_TEXTS = {
  'Content-Digest': 'of the body (RFC 9530: sha-256, sha-512); another one is refused',
  'Repr-Digest': 'of the whole package (RFC 9530: sha-256, sha-512); another one is refused',
  'X-Checksum-Sha256': 'of the body, in hex; another one is refused',
  'X-Batch': 'as the parameter `batch`',
  'Tus-Resumable': '`1.0.0`',
  'Upload-Length': 'bytes of the whole package',
  'Upload-Offset': 'where the piece begins',
  'If-Match': 'change, or read, only the version with this ETag',
  'If-None-Match': '`*`: only add; with an ETag: read only another version',
} as const;

export type HeaderName = keyof typeof HEADER_TEXTS;

export const ROUTE_TEXTS: Readonly<Record<DocumentedRoute, RouteText>> = {
  putUpload: {
    group: 'uploads',
    summary: 'Upload a package, or a form with several',
    answer: UPLOADED,
    headers: [...DIGESTS, 'X-Batch'],
  },
  putNamedUpload: {
    group: 'uploads',
    summary: 'Upload a package; the name in the URL is ignored',
    answer: 'the same, also at `/upload/`',
    rest: '<file>.rpm',
    headers: [...DIGESTS, 'X-Batch'],
  },
  postUpload: {
    group: 'uploads',
    summary: 'Upload a package, or a form with several',
    answer: 'the same',
    headers: [...DIGESTS, 'X-Batch'],
  },
  listBatches: {
    group: 'batches',
    summary: 'List the batches that the client may read',
    answer:
      'every batch: `state` (`staged`, `committing`, `committed`), `packageCount`, `sizeBytes`, `repositories`, `changedAt`, `keptUntil`',
  },
  getBatch: {
    group: 'batches',
    summary: 'Read a batch and its packages',
    answer: 'one batch as in the list, and its `packages`',
  },
  commitBatch: {
    group: 'batches',
    summary: 'Commit a batch',
    answer:
      '200 `committed`: every package is in its repositories (with `?wait=`: can be installed from them), each of which is published once. 202: not finished yet, ask again. 409 `BATCH_REFUSED` when a package cannot go there; `refused` names each, and nothing was placed. 404: there is no such batch. After the decision: 503 `BATCH_UNPLACED` (it is completed by itself), with `?wait=` also 422 `PACKAGE_SET_ASIDE` and the code of an index run that failed. May be repeated, and says the same again. With `Accept: text/plain` the answer has a line for each package, as that of an upload',
  },
  dropBatch: {
    group: 'batches',
    summary: 'Drop a batch that is not committed',
    answer: '204, it is dropped with all its packages; 409 when it was committed',
  },
  beginResumable: {
    group: 'resumable',
    summary: 'Begin a resumable upload',
    answer:
      'with `Upload-Length`; the digests of the whole, the releasever and the batch (also as `X-Batch`) are said here. 201, `Location: resumable/<id>` (relative to this URL), `Upload-Expires`',
    headers: ['Tus-Resumable', 'Upload-Length', ...DIGESTS, 'X-Batch'],
  },
  tellOffset: {
    group: 'resumable',
    summary: 'Ask how far a resumable upload is',
    answer: '200, `Upload-Offset`, `Upload-Length`; 404: refused, deleted, or nothing came for 24 hours',
    headers: ['Tus-Resumable'],
  },
  takePiece: {
    group: 'resumable',
    summary: 'Send a piece of a resumable upload',
    answer:
      'with `Upload-Offset`. 204 while more is to come; the last piece is answered as a PUT of the whole, also with `?wait=`, errors included',
    headers: ['Tus-Resumable', 'Upload-Offset', ...DIGESTS],
  },
  deleteResumable: {
    group: 'resumable',
    summary: 'Give up a resumable upload',
    answer: '204',
    headers: ['Tus-Resumable'],
  },
  describeTus: {
    group: 'resumable',
    summary: 'Ask what the service knows of tus',
    answer: '204, `Tus-Version`, `Tus-Extension`, `Tus-Max-Size`',
  },
  getUpload: {
    group: 'state',
    summary: 'Ask what became of a package',
    answer:
      '(the digest of the stored package, or of the bytes that were sent; repositories that the client may not read are left out) 200 settled: `published` or `set-aside` in each place, 202 still waiting somewhere, 404 no such package is there. With `?wait=` a package that is set aside, or a failed run, answers with its error code',
  },
  listRepositories: {
    group: 'state',
    summary: 'List the repositories that the client may read',
    answer:
      'every repository: `packageCount`, `revision`, `state` (`clean`, `waiting`, `running`, `failed`), `waitingSince`, `lastError` (its `detail` only for a client that may upload there)',
  },
  getRepository: {
    group: 'state',
    summary: 'Ask what a repository is up to',
    answer:
      'the same for one, `progress` of the run under way, the packages that are set aside, and `packageFaults` (`code`, `location`, `reason`): those that are damaged, held back or cannot be described anew; with `?wait=` when everything so far is published (202: not yet)',
  },
  listPackages: {
    group: 'state',
    summary: 'List the packages that were uploaded to a repository',
    answer:
      'every package that was uploaded there: `location`, `nevra`, `sha256`, `sizeBytes`, `placedAt`, `publishedAt`, `signature`, `receivedSha256` where it was signed at upload',
  },
  reindexRepository: {
    group: 'state',
    summary: 'Reindex a repository now',
    answer:
      'reindexes now, also a directory that was filled by hand, and tries again what was set aside; 202, or 200 when the index was published while waiting. `?full=1`: every package is read again. `?takeOver=1`: what lies there is published although the index of another program names packages that would leave it, or does not name some that would join it ([TAKEOVER_UNDECIDED](errors.md#takeover_undecided-503))',
  },
  putMetadata: {
    group: 'state',
    summary: 'Add metadata that is not made from packages',
    answer:
      'adds metadata that is not made from packages (`group`, `updateinfo`, `modules`, ...), or replaces the one of that type. The body is plain or compressed, at most 256 MiB, and such that hosts can read it ([METADATA_INVALID](errors.md#metadata_invalid-422)). Files are checked one at a time: the answer waits for its turn, which each token or key has after one file of each other, and a client that leaves gives it up. 202, or 200 when it was published while waiting',
    headers: [...DIGESTS, 'If-Match', 'If-None-Match'],
  },
  listMetadata: {
    group: 'state',
    summary: 'List the metadata of a repository that is not made from packages',
    answer:
      'what the repository has of such metadata, or will have after the next run: `{"repository": ..., "metadata": [{"type", "etag", "state"}]}`, `state` being `published` or `waiting`',
  },
  getMetadata: {
    group: 'state',
    summary: 'Read metadata that is not made from packages',
    answer: 'its content, uncompressed, also while it waits, with an `ETag`',
    headers: ['If-Match', 'If-None-Match'],
  },
  deleteMetadata: {
    group: 'state',
    summary: 'Take metadata out of a repository',
    answer:
      'takes the type, in every form that repomd.xml names (`group_gz`, `group_zck`), out of the next index. 202, or 200 with the `state` `removed` when that was published while waiting; 404 when there is none',
    headers: ['If-Match', 'If-None-Match'],
  },
  leadToListing: {
    group: 'repositories',
    summary: 'Go to the listing',
    answer: '302, leads to `/repo/`',
  },
  leadToTop: {
    group: 'repositories',
    summary: 'Go to the listing',
    answer: '301, leads to `/repo/`',
  },
  readTree: {
    group: 'repositories',
    summary: 'Read packages, metadata, keys and listings, as hosts do',
    answer: 'a file, or a listing for people, as the next table says',
    rest: '<path>',
  },
  readGeneralRepoFile: {
    group: 'repositories',
    summary: 'Read the client configuration for every host',
    answer: 'client configuration for every host (`$releasever`, `$basearch`)',
  },
  tellHealth: {
    group: 'health',
    summary: 'Ask whether the process answers',
    answer: '200 while the process answers',
  },
  tellReadiness: {
    group: 'health',
    summary: 'Ask whether an upload would work now',
    answer:
      '503 `unavailable` when an upload would fail now; 200 `degraded` when something else is wrong, such as a failing index run; 200 `ready`. `faults` names each with what it `affects` (`uploads`; `indexes`; `drops`: the drop directory as a whole, never a single file in it; or `nothing`: all is `ready`, but a person should look, as at an old configuration of nginx), `repository` where there is one, `code`, `detail` and `hint`',
  },
  tellMetrics: { group: 'health', summary: 'Read the metrics', answer: 'Prometheus text' },
  describeApi: {
    group: 'health',
    summary: 'Read this description',
    answer: 'all of these routes, with the schema of each answer, in OpenAPI 3.1',
  },
};
