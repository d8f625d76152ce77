import { realpathSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { dirname, basename, join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { AppError, errnoOf } from './errors.ts';

/** Where to listen: a unix socket, or an address and a port. */
export type ListenTarget = { readonly path: string } | { readonly host: string; readonly port: number };

export interface ListenOptions {
  /** Sockets that systemd opened before; they must be the target, and their file stays systemd's. */
  readonly passedFds: readonly number[];
  /** What the log says behind the address. */
  readonly text: string;
}

const LOOPBACK = new Set(['127.0.0.1', '::1']);

/** Starts to listen. @throws AppError LISTEN_FAILED. */
export async function listen(
  app: FastifyInstance,
  target: ListenTarget,
  { passedFds, text }: ListenOptions,
): Promise<string> {
  const [fd, ...others] = passedFds;
  if (others.length > 0) {
    throw new AppError('LISTEN_FAILED', `one socket was expected, systemd passed ${passedFds.length}`, {
      hint: 'Name one ListenStream= in rpmyard.socket, and no other socket unit for this service.',
    });
  }
  try {
    if (fd === undefined && 'path' in target) await removeStaleSocket(target.path);
    const address = await app.listen({
      // With an fd Node ignores the target. Fastify would take one without it for localhost, and listen there too.
      ...target,
      ...(fd === undefined ? {} : { fd }),
      listenTextResolver: (address) => `listening on ${address}, ${text}`,
    });
    // Connections come with the next turn of the event loop at the earliest: none was accepted at a wrong address.
    if (fd !== undefined) checkPassedSocket(app.server.address(), target);
    return address;
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError(
      'LISTEN_FAILED',
      `cannot listen on ${whereOf(target)} (${errnoOf(cause) ?? 'no reason given'})`,
      {
        hint: 'Another program may use it: change server.address and server.port, or end that program.',
        cause,
      },
    );
  }
}

/** Who configured one address and listens on another would look for the fault elsewhere, or open what is closed. */
function checkPassedSocket(address: AddressInfo | string | null, target: ListenTarget): void {
  if (address !== null && isSameAddress(address, target)) return;
  const found =
    typeof address === 'string' ? address : `${address?.address ?? 'nothing'}:${address?.port ?? ''}`;
  throw new AppError(
    'LISTEN_FAILED',
    `server.address is ${whereOf(target)}, but systemd opened ${found === '' ? 'a socket without a name' : found}`,
    {
      hint: 'Make server.address and ListenStream= in rpmyard.socket the same, or disable that socket unit.',
    },
  );
}

function isSameAddress(address: AddressInfo | string, target: ListenTarget): boolean {
  if ('path' in target) return typeof address === 'string' && resolved(address) === resolved(target.path);
  if (typeof address === 'string' || address.port !== target.port) return false;
  return target.host === 'localhost' ? LOOPBACK.has(address.address) : address.address === target.host;
}

/** /var/run is a link to /run. */
function resolved(path: string): string {
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path;
  }
}

function whereOf(target: ListenTarget): string {
  return 'path' in target ? target.path : `${target.host}:${target.port}`;
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
