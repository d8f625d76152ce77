import type { Right } from '../trust/rights.ts';
import type { HandlersOf, Route, RouteAnswers, RouteNeeds } from './route.ts';

const some = (right: Right): RouteNeeds => ({ right, in: 'some' });
const all = (right: Right): RouteNeeds => ({ right, in: 'all' });
/** The right in the repository that the path names. */
const its = (right: Right): RouteNeeds => ({ right, in: 'route' });
const BELOW_REPO: RouteNeeds = { right: 'read', in: 'path' };

const TEXT = 'text/plain';
const XML = 'application/xml';
const BYTES = 'application/octet-stream';

const UPLOAD = ['/upload', '/upload/'] as const;
const OTHERS = ['GET', 'DELETE', 'PATCH'] as const;
const REPOSITORY = '/api/v1/repositories/:releasever/:basearch';
const TERMS = ['releasever', 'batch'] as const;

/** 200, or 202 when what was asked for is not done within the time that the client gave it. */
const soon = (...content: RouteAnswers[number]): RouteAnswers => ({ 200: content, 202: content });

// A form is answered with the results of its files, also when it has only one.
const UPLOADED = {
  200: ['UploadOutcome', 'UploadResults', TEXT],
  201: ['UploadOutcome', 'UploadResults', TEXT],
  202: ['UploadOutcome', 'UploadResults', TEXT],
  207: ['UploadResults', TEXT],
} as const;
const TAKEN = ['UploadOutcome', TEXT] as const;
const PIECE_TAKEN = { 200: TAKEN, 201: TAKEN, 202: TAKEN, 204: [] } as const;
const FILE = { 200: [BYTES, TEXT, 'text/html'], 206: [BYTES, TEXT], 301: [], 304: [] } as const;

/**
 * Every route of the service: method, path, right, parameters, body, answers. Where the right shows only later, as that of an
 * upload in the package's header, the row has what is known before, and the handler asks for the rest.
 */
// biome-ignore format: one line a route
export const ROUTES = {
  // name              method     path                            right           parameters                    body               answers
  putUpload:           ['PUT',     '/upload',                      some('upload'), ['wait', ...TERMS],           'package or form', UPLOADED],
  putNamedUpload:      ['PUT',     '/upload/*',                    some('upload'), ['wait', ...TERMS],           'package or form', UPLOADED],
  postUpload:          ['POST',    UPLOAD,                         some('upload'), ['wait', ...TERMS],           'package or form', UPLOADED],
  refuseUploadMethod:  [OTHERS,    UPLOAD,                         'nothing',      'ignored',                    'ignored',         undefined],

  describeTus:         ['OPTIONS', '/upload/resumable',            'nothing',      'ignored',                    'ignored',         { 204: [] }, 'tus'],
  beginResumable:      ['POST',    '/upload/resumable',            some('upload'), TERMS,                        'ignored',         { 201: [] }, 'tus'],
  tellOffset:          ['HEAD',    '/upload/resumable/:id',        some('upload'), ['wait'],                     'ignored',         { 200: [] }, 'tus'],
  takePiece:           ['PATCH',   '/upload/resumable/:id',        some('upload'), ['wait'],                     'piece',           PIECE_TAKEN, 'tus'],
  deleteResumable:     ['DELETE',  '/upload/resumable/:id',        some('upload'), ['wait'],                     'ignored',         { 204: [] }, 'tus'],

  listBatches:         ['GET',     '/api/v1/batches',              some('read'),   [],                           'none',            { 200: ['BatchList'] }],
  getBatch:            ['GET',     '/api/v1/batches/:id',          some('read'),   [],                           'none',            { 200: ['Batch'] }],
  commitBatch:         ['POST',    '/api/v1/batches/:id/commit',   some('upload'), ['wait'],                     'none',            soon('Commit', TEXT)],
  dropBatch:           ['DELETE',  '/api/v1/batches/:id',          some('upload'), [],                           'none',            { 204: [] }],

  getUpload:           ['GET',     '/api/v1/uploads/:sha256',      some('read'),   ['wait'],                     'none',            soon('UploadOutcome')],
  listRepositories:    ['GET',     '/api/v1/repositories',         some('read'),   [],                           'none',            { 200: ['RepositoryList'] }],
  getRepository:       ['GET',     REPOSITORY,                     its('read'),    ['wait'],                     'none',            soon('Repository')],
  listPackages:        ['GET',     `${REPOSITORY}/packages`,       its('read'),    [],                           'none',            { 200: ['RepositoryPackages'] }],
  reindexRepository:   ['POST',    `${REPOSITORY}/reindex`,        its('admin'),   ['wait', 'full', 'takeOver'], 'none',            soon('RepositoryStatus')],

  listMetadata:        ['GET',     `${REPOSITORY}/metadata`,       its('read'),    [],                           'none',            { 200: ['MetadataList'] }],
  getMetadata:         ['GET',     `${REPOSITORY}/metadata/:type`, its('read'),    [],                           'none',            { 200: [XML, TEXT, BYTES], 304: [] }],
  putMetadata:         ['PUT',     `${REPOSITORY}/metadata/:type`, its('upload'),  ['wait'],                     'metadata',        soon('MetadataPut')],
  deleteMetadata:      ['DELETE',  `${REPOSITORY}/metadata/:type`, its('delete'),  ['wait'],                     'ignored',         soon('MetadataRemoval')],

  leadToListing:       ['GET',     '/',                            'nothing',      'ignored',                    'none',            { 302: [] }],
  leadToTop:           ['GET',     '/repo',                        'nothing',      'ignored',                    'none',            { 301: [] }],
  readTree:            ['GET',     '/repo/*',                      BELOW_REPO,     'ignored',                    'none',            FILE],
  readGeneralRepoFile: ['GET',     '/rpmyard.repo',                'nothing',      'ignored',                    'none',            FILE],

  tellHealth:          ['GET',     '/healthz',                     'nothing',      'ignored',                    'none',            { 200: [TEXT] }],
  tellReadiness:       ['GET',     '/readyz',                      all('read'),    'ignored',                    'none',            { 200: ['Readiness'], 503: ['Readiness'] }],
  tellMetrics:         ['GET',     '/metrics',                     all('read'),    'ignored',                    'none',            { 200: [TEXT] }],
  describeApi:         ['GET',     '/api/v1/openapi.json',         'nothing',      [],                           'none',            { 200: ['application/json'] }],

  mayUpload:           ['GET',     '/auth/upload',                 'nothing',      'ignored',                    'none',            { 204: [] }, 'nginx'],
  mayRead:             ['GET',     '/auth/read',                   'nothing',      'ignored',                    'none',            { 204: [] }, 'nginx'],
} as const satisfies Readonly<Record<string, Route>>;

export type RouteName = keyof typeof ROUTES;

/** What answers each of them. */
export type RouteHandlers = HandlersOf<typeof ROUTES>;

/** The request that a route's handler is given. */
export type RequestOf<Name extends RouteName> = Parameters<RouteHandlers[Name]>[0];
