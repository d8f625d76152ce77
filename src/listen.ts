import { unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { AppError, errnoOf } from './errors.ts';

/** Where to listen: a unix socket, or an address and a port. */
export type ListenTarget = { readonly path: string } | { readonly host: string; readonly port: number };

/** Starts to listen. @throws AppError LISTEN_FAILED. */
export async function listen(app: FastifyInstance, target: ListenTarget, text: string): Promise<string> {
  try {
    if ('path' in target) await removeStaleSocket(target.path);
    return await app.listen({
      ...target,
      listenTextResolver: (address) => `listening on ${address}, ${text}`,
    });
  } catch (cause) {
    const where = 'path' in target ? target.path : `${target.host}:${target.port}`;
    throw new AppError(
      'LISTEN_FAILED',
      `cannot listen on ${where} (${errnoOf(cause) ?? 'no reason given'})`,
      {
        hint: 'Another program may use it: change server.address and server.port, or end that program.',
        cause,
      },
    );
  }
}

/** A service that was killed leaves its socket file, which would be in our way for ever. One that answers stays. */
async function removeStaleSocket(path: string): Promise<void> {
  if (await refusesConnections(path)) await unlink(path);
}

function refusesConnections(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error) => resolve(errnoOf(error) === 'ECONNREFUSED'));
  });
}
