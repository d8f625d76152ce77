import { realpath } from 'node:fs/promises';
import { fastify } from 'fastify';
import { findRepositoryEntry } from '../../src/http/repo/repository-files.ts';
import { sendFile } from '../../src/http/repo/send-file.ts';

export interface DirectoryServer extends AsyncDisposable {
  /** With a slash at its end. */
  readonly url: string;
}

/** Serves a directory's files over HTTP, as a web server serves a tree that createrepo_c indexes. */
export async function serveDirectory(root: string): Promise<DirectoryServer> {
  const app = fastify();
  const topDir = await realpath(root);
  app.get<{ Params: { '*': string } }>('/*', async (request, reply) => {
    const entry = await findRepositoryEntry(topDir, request.params['*']);
    if (entry.kind === 'directory') return reply.code(404).send();
    const { path } = entry;
    return sendFile(request, reply, {
      path,
      contentType: 'application/octet-stream',
      cacheControl: 'no-cache',
    });
  });
  const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/`;
  return { url, [Symbol.asyncDispose]: () => app.close() };
}
