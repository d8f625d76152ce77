import { unlink } from 'node:fs/promises';
import { type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
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
const NONCE_HEADER = 'x-rpmyard-nonce';
const REACH_LIMIT_MS = 10_000;

/** Starts to listen. @throws AppError LISTEN_FAILED. */
export async function listen(
  app: FastifyInstance,
  target: ListenTarget,
  { passedFds, text }: ListenOptions,
): Promise<string> {
  const listenTextResolver = (address: string): string => `listening on ${address}, ${text}`;
  const [fd, ...others] = passedFds;
  if (others.length > 0) {
    throw new AppError('LISTEN_FAILED', `one socket was expected, systemd passed ${passedFds.length}`, {
      hint: 'Name one ListenStream= in rpmyard.socket, and no other socket unit for this service.',
    });
  }
  try {
    if (fd !== undefined) return await listenOnPassed(app, fd, target, listenTextResolver);
    if ('path' in target) await removeStaleSocket(target.path);
    return await app.listen({ ...target, listenTextResolver });
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

/** Who configured one address and listened on another would look for the fault elsewhere, or open what is closed. */
async function listenOnPassed(
  app: FastifyInstance,
  fd: number,
  target: ListenTarget,
  listenTextResolver: (address: string) => string,
): Promise<string> {
  const { server } = app;
  // Node does not know the path of a unix socket that somebody else opened, and Fastify does not expect that.
  const knownAddress = server.address.bind(server);
  server.address = () => knownAddress() ?? ('path' in target ? target.path : 'a unix socket');
  // With an fd Node ignores the rest of the target. Fastify would, without it, listen on localhost too.
  const isLocalhost = 'host' in target && target.host === 'localhost';
  const options = { ...target, ...(isLocalhost && { host: '127.0.0.1' }), fd, listenTextResolver };
  const address = await app.listen(options);
  const isTheSame =
    'path' in target
      ? typeof server.address() === 'string' && (await isReachedAt(server, target.path))
      : isSameAddress(server.address(), target);
  if (isTheSame) return address;
  throw new AppError(
    'LISTEN_FAILED',
    `server.address is ${whereOf(target)}, but the socket that systemd opened is another one`,
    {
      hint: 'Make server.address and ListenStream= in rpmyard.socket the same, or disable that socket unit.',
    },
  );
}

/** Whether what is sent to this path arrives here. The kernel would say the path only in the network namespace that the socket is of. */
function isReachedAt(server: Server, path: string): Promise<boolean> {
  const nonce = crypto.randomUUID();
  return new Promise((resolve) => {
    const look = ({ headers }: IncomingMessage): void => {
      if (headers[NONCE_HEADER] === nonce) end(true);
    };
    const question = request({
      socketPath: path,
      path: '/healthz',
      agent: false,
      timeout: REACH_LIMIT_MS,
      headers: { [NONCE_HEADER]: nonce },
    });
    const end = (isReached: boolean): void => {
      server.off('request', look);
      question.destroy();
      resolve(isReached);
    };
    server.on('request', look);
    question
      .on('response', () => end(false))
      .on('timeout', () => end(false))
      .on('error', () => end(false))
      .end();
  });
}

function isSameAddress(
  address: AddressInfo | string | null,
  target: { readonly host: string; readonly port: number },
): boolean {
  if (address === null || typeof address === 'string' || address.port !== target.port) return false;
  return target.host === 'localhost' ? LOOPBACK.has(address.address) : address.address === target.host;
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
