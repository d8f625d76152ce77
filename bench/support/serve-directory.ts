import fastifyStatic from '@fastify/static';
import { fastify } from 'fastify';

export interface DirectoryServer extends AsyncDisposable {
  /** With a slash at its end. */
  readonly url: string;
}

/** Serves a directory's files over HTTP, as a web server serves a tree that createrepo_c indexes. */
export async function serveDirectory(root: string): Promise<DirectoryServer> {
  const app = fastify();
  await app.register(fastifyStatic, { root, dotfiles: 'ignore' });
  const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/`;
  return { url, [Symbol.asyncDispose]: () => app.close() };
}
