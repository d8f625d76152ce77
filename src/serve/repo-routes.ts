import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { renderListing } from './render-listing.ts';
import { findRepositoryEntry } from './repository-files.ts';

export interface RepoRoutesOptions {
  /** An absolute path without symbolic links in it. */
  readonly topDir: string;
}

const REVALIDATE = 'no-cache';
const IMMUTABLE = 'public, max-age=31536000, immutable';
// Replaced by rename at any moment; small.
const REPLACEABLE = /^repomd\.xml(?:\.asc)?$|\.repo$/;
const NEVER_REPLACED = /^[0-9a-f]{32,128}-|\.rpm$/;

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

  const config = { needs: 'nothing' } as const;
  app.get('/', { config }, (_request, reply) => reply.redirect('/repo/', 302));
  app.get('/repo', { config }, (_request, reply) => reply.redirect('/repo/', 301));
  app.get<{ Params: { '*': string } }>(
    '/repo/*',
    { config: { needs: { right: 'read', in: 'path' } } },
    sendEntry,
  );
  app.get('/rpmyard.repo', { config }, (_request, reply) => sendFile(reply, 'rpmyard.repo', 'rpmyard.repo'));

  async function sendEntry(
    request: FastifyRequest<{ Params: { '*': string } }>,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const path = request.params['*'];
    const entry = await findRepositoryEntry(topDir, path);
    reply.header('x-content-type-options', 'nosniff');
    if (entry.kind === 'directory') {
      // Links in a listing are relative to the directory.
      if (path !== '' && !path.endsWith('/')) return reply.redirect(`/repo/${encodePath(path)}/`, 301);
      reply.header('cache-control', REVALIDATE).header('content-security-policy', PAGE_POLICY);
      return reply.type('text/html; charset=utf-8').send(renderListing(`/repo/${path}`, entry.entries));
    }
    return REPLACEABLE.test(entry.name)
      ? sendReplaceable(request, reply, entry)
      : sendFile(reply, path, entry.name);
  }
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

/** With ranges, ETag and If-Modified-Since, from the root that fastifyStatic was registered with. */
function sendFile(reply: FastifyReply, path: string, name: string): FastifyReply {
  reply.header('cache-control', NEVER_REPLACED.test(name) ? IMMUTABLE : REVALIDATE);
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
