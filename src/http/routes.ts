import type { Right } from '../trust/rights.ts';
import type { HandlersOf, Route, RouteNeeds } from './route.ts';

const some = (right: Right): RouteNeeds => ({ right, in: 'some' });
const all = (right: Right): RouteNeeds => ({ right, in: 'all' });
/** The right in the repository that the path names. */
const its = (right: Right): RouteNeeds => ({ right, in: 'route' });
const BELOW_REPO: RouteNeeds = { right: 'read', in: 'path' };

const UPLOAD = ['/upload', '/upload/'] as const;
const REPOSITORY = '/api/v1/repositories/:releasever/:basearch';
const TERMS = ['releasever', 'batch'] as const;

/**
 * Every route of the service: method, path, right, parameters, body. Where the right shows only later, as that of an upload in
 * the package's header, the row has what is known before, and the handler asks for the rest.
 */
// biome-ignore format: one line a route
export const ROUTES = {
  putUpload:            ['PUT',     '/upload',                        some('upload'), ['wait', ...TERMS],             'package or form'],
  putNamedUpload:       ['PUT',     '/upload/*',                      some('upload'), ['wait', ...TERMS],             'package or form'],
  postUpload:           ['POST',    UPLOAD,                           some('upload'), ['wait', ...TERMS],             'package or form'],
  refuseUploadMethod:   [['GET', 'DELETE', 'PATCH'], UPLOAD,          'nothing',      'ignored',                      'ignored'],

  describeTus:          ['OPTIONS', '/upload/resumable',              'nothing',      'ignored',                      'ignored',  'tus'],
  beginResumable:       ['POST',    '/upload/resumable',              some('upload'), TERMS,                          'ignored',  'tus'],
  tellOffset:           ['HEAD',    '/upload/resumable/:id',          some('upload'), ['wait'],                       'ignored',  'tus'],
  takePiece:            ['PATCH',   '/upload/resumable/:id',          some('upload'), ['wait'],                       'piece',    'tus'],
  deleteResumable:      ['DELETE',  '/upload/resumable/:id',          some('upload'), ['wait'],                       'ignored',  'tus'],

  listBatches:          ['GET',     '/api/v1/batches',                some('read'),   [],                             'none'],
  getBatch:             ['GET',     '/api/v1/batches/:id',            some('read'),   [],                             'none'],
  commitBatch:          ['POST',    '/api/v1/batches/:id/commit',     some('upload'), ['wait'],                       'none'],
  dropBatch:            ['DELETE',  '/api/v1/batches/:id',            some('upload'), [],                             'none'],

  getUpload:            ['GET',     '/api/v1/uploads/:sha256',        some('read'),   ['wait'],                       'none'],
  listRepositories:     ['GET',     '/api/v1/repositories',           some('read'),   [],                             'none'],
  getRepository:        ['GET',     REPOSITORY,                       its('read'),    ['wait'],                       'none'],
  listPackages:         ['GET',     `${REPOSITORY}/packages`,         its('read'),    [],                             'none'],
  reindexRepository:    ['POST',    `${REPOSITORY}/reindex`,          its('admin'),   ['wait', 'full', 'takeOver'],   'none'],

  listMetadata:         ['GET',     `${REPOSITORY}/metadata`,         its('read'),    [],                             'none'],
  getMetadata:          ['GET',     `${REPOSITORY}/metadata/:type`,   its('read'),    [],                             'none'],
  putMetadata:          ['PUT',     `${REPOSITORY}/metadata/:type`,   its('upload'),  ['wait'],                       'metadata'],
  deleteMetadata:       ['DELETE',  `${REPOSITORY}/metadata/:type`,   its('delete'),  ['wait'],                       'ignored'],

  leadToListing:        ['GET',     '/',                              'nothing',      'ignored',                      'none'],
  leadToTop:            ['GET',     '/repo',                          'nothing',      'ignored',                      'none'],
  readTree:             ['GET',     '/repo/*',                        BELOW_REPO,     'ignored',                      'none'],
  readGeneralRepoFile:  ['GET',     '/rpmyard.repo',                  'nothing',      'ignored',                      'none'],

  tellHealth:           ['GET',     '/healthz',                       'nothing',      'ignored',                      'none'],
  tellReadiness:        ['GET',     '/readyz',                        all('read'),    'ignored',                      'none'],
  tellMetrics:          ['GET',     '/metrics',                       all('read'),    'ignored',                      'none'],

  mayUpload:            ['GET',     '/auth/upload',                   'nothing',      'ignored',                      'none',     'nginx'],
  mayRead:              ['GET',     '/auth/read',                     'nothing',      'ignored',                      'none',     'nginx'],
} as const satisfies Readonly<Record<string, Route>>;

export type RouteName = keyof typeof ROUTES;

/** What answers each of them. */
export type RouteHandlers = HandlersOf<typeof ROUTES>;

/** The request that a route's handler is given. */
export type RequestOf<Name extends RouteName> = Parameters<RouteHandlers[Name]>[0];
