import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GENERATION_SEGMENT, isChecksumNamed, MIRRORLIST, REPOMD_FILE } from '../repodata-names.ts';
import { renderListing } from './render-listing.ts';
import { findRepositoryEntry } from './repository-files.ts';

export interface RepoRoutesOptions {
  /** An absolute path without symbolic links in it. */
  readonly topDir: string;
}

const REVALIDATE = 'no-cache';
const IMMUTABLE = 'max-age=31536000, immutable';
// Replaced by rename at any moment; small.
const REPLACEABLE = new RegExp(`^${REPOMD_FILE}$|^${MIRRORLIST}$|^RPM-GPG-KEY-|\\.repo$`);
const OF_GENERATION = new RegExp(`/repodata/${GENERATION_SEGMENT}/${REPOMD_FILE}$`);
const GENERATION_URL = new RegExp(
  `^(?<repository>[^/@][^/]*/[^/@][^/]*/)(?<generation>${GENERATION_SEGMENT})/(?!@)(?<path>.*)$`,
);
const REPOMD_PATH = new RegExp(`^repodata/(?<name>${REPOMD_FILE})$`);

const CONTENT_TYPES = new Map([
  ['rpm', 'application/x-rpm'],
  ['gz', 'application/gzip'],
  ['zst', 'application/zstd'],
  ['xml', 'application/xml'],
  ['asc', 'text/plain; charset=utf-8'],
  ['repo', 'text/plain; charset=utf-8'],
]);

// What a listing may load: nothing but its own inline style.
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/** /repo/...: packages, metadata and listings, for when no nginx serves them. */
export async function repoRoutes(app: FastifyInstance, { topDir }: RepoRoutesOptions): Promise<void> {
  await app.register(fastifyStatic, { root: topDir, serve: false });

  const config = { needs: 'nothing', query: 'ignored' } as const;
  app.get('/', { config }, (_request, reply) => reply.redirect('/repo/', 302));
  app.get('/repo', { config }, (_request, reply) => reply.redirect('/repo/', 301));
  app.get<{ Params: { '*': string } }>(
    '/repo/*',
    { config: { needs: { right: 'read', in: 'path' }, query: 'ignored' } },
    sendEntry,
  );
  app.get('/rpmyard.repo', { config }, (_request, reply) => sendFile(reply, 'rpmyard.repo', 'rpmyard.repo'));

  async function sendEntry(
    request: FastifyRequest<{ Params: { '*': string } }>,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const urlPath = request.params['*'];
    const path = pathOnDisk(urlPath);
    const entry = await findRepositoryEntry(topDir, path);
    reply.header('x-content-type-options', 'nosniff');
    if (entry.kind === 'directory') {
      // Links in a listing are relative to the directory.
      if (urlPath !== '' && !urlPath.endsWith('/'))
        return reply.redirect(`/repo/${encodePath(urlPath)}/`, 301);
      reply.header('cache-control', REVALIDATE).header('content-security-policy', PAGE_POLICY);
      return reply.type('text/html; charset=utf-8').send(renderListing(`/repo/${urlPath}`, entry.entries));
    }
    return REPLACEABLE.test(entry.name) && !OF_GENERATION.test(path)
      ? sendReplaceable(request, reply, entry)
      : sendFile(reply, path, entry.name);
  }
}

/**
 * A generation's URL has a repomd.xml of its own, which lies in `repodata/@<number>/`; everything else it names has its
 * checksum in the name, or is a package, and is the repository's. nginx/rpmyard.conf does the same.
 */
function pathOnDisk(path: string): string {
  const groups = GENERATION_URL.exec(path)?.groups;
  if (groups === undefined) return path;
  const { repository = '', generation = '', path: rest = '' } = groups;
  const name = REPOMD_PATH.exec(rest)?.groups?.['name'];
  return name === undefined ? `${repository}${rest}` : `${repository}repodata/${generation}/${name}`;
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

/** With ranges, ETag and If-Modified-Since, from the root that fastifyStatic was registered with. */
function sendFile(reply: FastifyReply, path: string, name: string): FastifyReply {
  const isImmutable = isChecksumNamed(name) || name.endsWith('.rpm') || OF_GENERATION.test(path);
  reply.header('cache-control', isImmutable ? IMMUTABLE : REVALIDATE);
  reply.type(contentTypeOf(name));
  return reply.sendFile(path, { cacheControl: false, contentType: false });
}

/**
 * Read through one descriptor, so that length and content are of one version (static file servers look at the size first
 * and open the file later). No Last-Modified: two versions may come in one second.
 */
async function sendReplaceable(
  request: FastifyRequest,
  reply: FastifyReply,
  file: { readonly path: string; readonly name: string },
): Promise<FastifyReply> {
  const content = await readFile(file.path);
  const etag = `"${createHash('sha256').update(content).digest('hex').slice(0, 32)}"`;
  reply.header('cache-control', REVALIDATE).header('etag', etag).type(contentTypeOf(file.name));
  if (request.headers['if-none-match']?.split(/,\s*/).includes(etag) === true) return reply.code(304).send();
  return reply.send(content);
}

function contentTypeOf(name: string): string {
  return CONTENT_TYPES.get(name.slice(name.lastIndexOf('.') + 1)) ?? 'application/octet-stream';
}
