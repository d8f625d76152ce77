import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.ts';
import type { LongWork } from '../../base/turns/long-work.ts';
import { GENERATION_SEGMENT, isChecksumNamed, MIRRORLIST, REPOMD_FILE } from '../../rpm/repodata-names.ts';
import type { RouteHandlers } from '../routes.ts';
import { readListingOrder } from './listing-order.ts';
import { readUrlPath } from '../hooks/plain-repository-url.ts';
import { findRepositoryEntry, type RepositoryEntry } from './repository-files.ts';
import { sendFile } from './send-file.ts';
import { sendListing } from './send-listing.ts';

export interface TreeOptions {
  /** An absolute path without symbolic links in it. */
  readonly topDir: string;
  readonly longWork: LongWork;
}

type TreeHandlers = Pick<RouteHandlers, 'leadToListing' | 'leadToTop' | 'readTree' | 'readGeneralRepoFile'>;

const REVALIDATE = 'no-cache';
const IMMUTABLE = 'max-age=31536000, immutable';
const OF_GENERATION = new RegExp(`/repodata/${GENERATION_SEGMENT}/${REPOMD_FILE}$`);
const GENERATION_URL = new RegExp(
  `^(?<repository>[^/@][^/]*/[^/@][^/]*/)(?<generation>${GENERATION_SEGMENT})(?:/(?!@)(?<path>.*))?$`,
  's',
);
const REPOMD_PATH = new RegExp(`^repodata/(?<name>${REPOMD_FILE})$`);

// nginx/server.conf has the same. A browser shows texts and saves the rest.
const TEXT = 'text/plain; charset=utf-8';
const CONTENT_TYPES = new Map([
  ['rpm', 'application/x-rpm'],
  ['gz', 'application/gzip'],
  ['zst', 'application/zstd'],
  ['xz', 'application/x-xz'],
  ['bz2', 'application/x-bzip2'],
  ['xml', 'application/xml'],
  ...['asc', 'key', 'repo', 'txt'].map((ending) => [ending, TEXT] as const),
]);
const NAMES_OF_TEXTS = new RegExp(`^(?:${MIRRORLIST}|RPM-GPG-KEY-.*)$`);

/** /repo/...: packages, metadata and listings, for a service without nginx: the same requests get the same answers. */
export function createTreeHandlers(options: TreeOptions): TreeHandlers {
  return {
    leadToListing: (_request, reply) => reply.redirect('/repo/', 302),
    leadToTop: (_request, reply) => reply.redirect('/repo/', 301),
    readTree: (request, reply) => sendEntry(request, reply, { ...options, path: request.params['*'] }),
    readGeneralRepoFile: (request, reply) => sendEntry(request, reply, { ...options, path: 'rpmyard.repo' }),
  };
}

async function sendEntry(
  request: FastifyRequest,
  reply: FastifyReply,
  { topDir, longWork, path }: TreeOptions & { readonly path: string },
): Promise<FastifyReply> {
  if (readUrlPath(request.originalUrl) === undefined) throw noPath();
  const entry = await findEntry(topDir, path);
  reply.header('x-content-type-options', 'nosniff');
  if (entry.kind === 'directory') {
    // Links in a listing are relative to the directory.
    if (path !== '' && !path.endsWith('/'))
      return reply.redirect(`/repo/${encodePath(path)}/${readQuery(request)}`, 301);
    return sendListing(request, reply, {
      directory: entry.path,
      urlPath: `/repo/${path}`,
      order: readListingOrder(readQuery(request)),
      longWork,
    });
  }
  return sendFile(request, reply, {
    path: entry.path,
    contentType: chooseContentType(entry.name),
    cacheControl: isImmutable(entry) ? IMMUTABLE : REVALIDATE,
  });
}

/**
 * A generation's URL has a repomd.xml of its own, which lies in `repodata/@<number>/`. Every other file that it names
 * has its checksum in the name, or is a package, and belongs to the repository. Those are there under any number, so
 * that a client whose generation is gone goes on. nginx/server.conf does the same.
 */
async function findEntry(topDir: string, path: string): Promise<RepositoryEntry> {
  const groups = GENERATION_URL.exec(path)?.groups;
  if (groups === undefined) return findRepositoryEntry(topDir, path);
  const { repository = '', generation = '', path: rest = '' } = groups;
  const name = REPOMD_PATH.exec(rest)?.groups?.['name'];
  const ofGeneration = `${repository}repodata/${generation}`;
  if (name !== undefined) return findRepositoryEntry(topDir, `${ofGeneration}/${name}`);
  if (!isNamedByMetadata(rest)) await findRepositoryEntry(topDir, `${ofGeneration}/`);
  return findRepositoryEntry(topDir, `${repository}${rest}`);
}

function noPath(): AppError {
  return new AppError('PARAMETER_INVALID', 'the path of this URL leads nowhere', {
    hint: 'Write it without "..", without "%00", and without a percent sign that no two hex digits follow.',
  });
}

function isNamedByMetadata(path: string): boolean {
  return (
    path.endsWith('.rpm') ||
    (/^repodata\/[^/]+$/.test(path) && isChecksumNamed(path.slice('repodata/'.length)))
  );
}

function isImmutable({ path, name }: { readonly path: string; readonly name: string }): boolean {
  return isChecksumNamed(name) || name.endsWith('.rpm') || OF_GENERATION.test(path);
}

/** The characters that nginx leaves as they are in a Location, too. */
function encodePath(path: string): string {
  return encodeURI(path).replace(/[?#]/g, encodeURIComponent);
}

function readQuery({ url }: FastifyRequest): string {
  return /\?[^#]*/.exec(url)?.[0] ?? '';
}

function chooseContentType(name: string): string {
  if (NAMES_OF_TEXTS.test(name)) return TEXT;
  const ending = /\.(?<ending>[^.]+)$/.exec(name)?.groups?.['ending'] ?? '';
  return CONTENT_TYPES.get(ending.toLowerCase()) ?? 'application/octet-stream';
}
