import { chmod, unlink } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { ListenTarget } from '../base/config/load.ts';
import { AppError, errnoOf } from '../errors.ts';
import { findPortHolder } from './find-port-holder.ts';

export interface ListenOptions {
  /** Sockets that systemd opened before; they must be the target, and their file stays systemd's. */
  readonly passedFds: readonly number[];
  /** What the log says behind the address. */
  readonly text: string;
}

const LOOPBACK = new Set(['127.0.0.1', '::1']);
// Any other error, such as EAGAIN of a full queue or EACCES, comes from a socket that a program listens on.
const UNUSED_SOCKET_ERRORS = new Set(['ENOENT', 'ENOTDIR', 'ECONNREFUSED']);

const LAST_PORT = 65_535;
const OTHER_HINT = 'Change server.address or server.port.';
const HINTS: Readonly<Record<string, string>> = {
  EACCES:
    'This user may not listen there: choose a port above 1023 (server.port, or --port), or a socket in a directory that this user may write to.',
  EADDRNOTAVAIL: 'This machine has no such address: change server.address.',
  ENOTFOUND: 'No address has this name: change server.address.',
  ENOENT: 'The directory of the socket is not there: make it, or change server.address.',
};

/** Starts to listen. @throws AppError LISTEN_FAILED. */
export async function listen(
  app: FastifyInstance,
  target: ListenTarget,
  { passedFds, text }: ListenOptions,
): Promise<string> {
  const listeningText = (address: string): string => `listening on ${address}, ${text}`;
  const [fd, ...others] = passedFds;
  if (others.length > 0) {
    throw new AppError('LISTEN_FAILED', `one socket was expected, systemd passed ${passedFds.length}`, {
      hint: 'Name one ListenStream= in rpmyard.socket, and no other socket unit for this service.',
    });
  }
  try {
    if (fd !== undefined) {
      const address = await listenOnPassed(app, fd, target);
      app.log.info(listeningText(address));
      return address;
    }
    if (!('path' in target)) return await app.listen({ ...target, listenTextResolver: listeningText });
    await removeStaleSocket(target.path);
    const address = await app.listen({ ...target, listenTextResolver: listeningText });
    // The service believes what nginx says of its clients, and nginx runs as the same user. Others could not connect before
    // either: the umask (run-command-line.ts) takes the right to write, which connecting needs.
    await chmod(target.path, 0o600);
    return address;
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw cannotListen(target, cause);
  }
}

/** Who configured one address and listened on another would look for the fault elsewhere, or open what is closed. */
async function listenOnPassed(app: FastifyInstance, fd: number, target: ListenTarget): Promise<string> {
  const { server } = app;
  // Node does not know the path of a unix socket that systemd opened, and Fastify does not expect that.
  const knownAddress = server.address.bind(server);
  server.address = () => knownAddress() ?? ('path' in target ? target.path : 'a unix socket');
  // With an fd Node ignores the rest of the target. Fastify would, without it, listen on localhost too.
  const isLocalhost = 'host' in target && target.host === 'localhost';
  const options = {
    ...target,
    ...(isLocalhost && { host: '127.0.0.1' }),
    fd,
    listenTextResolver: () => 'the socket that systemd opened is taken over',
  };
  const address = await app.listen(options);
  const isTheSame =
    'path' in target
      ? typeof server.address() === 'string' &&
        !UNUSED_SOCKET_ERRORS.has((await connectErrno(target.path)) ?? '')
      : isSameAddress(server.address(), target);
  if (isTheSame) return address;
  throw new AppError(
    'LISTEN_FAILED',
    `server.address is ${describeTarget(target)}, but the socket that systemd opened is another one`,
    {
      hint: 'Make server.address and ListenStream= in rpmyard.socket the same, or disable that socket unit. If the file of the socket was removed: systemctl restart rpmyard.socket.',
    },
  );
}

function cannotListen(target: ListenTarget, cause: unknown): AppError {
  const errno = errnoOf(cause) ?? 'no reason given';
  const fault = `cannot listen on ${describeTarget(target)} (${errno})`;
  if (errno === 'EADDRINUSE') return addressTaken(target, fault, cause);
  return new AppError('LISTEN_FAILED', fault, { hint: HINTS[errno] ?? OTHER_HINT, cause });
}

function addressTaken(target: ListenTarget, fault: string, cause: unknown): AppError {
  if ('path' in target) {
    return new AppError('LISTEN_FAILED', `${fault}: another service answers there`, {
      hint: 'Stop that service, or choose another server.address.',
      cause,
    });
  }
  const { port } = target;
  const holder = findPortHolder(port) ?? 'another program';
  const other = port < LAST_PORT ? port + 1 : port - 1;
  return new AppError('LISTEN_FAILED', `${fault}: ${holder} listens there`, {
    hint: `End that program, or take another port: rpmyard serve --port ${other} (npm start -- --port ${other}), or server.port in the configuration file.`,
    cause,
  });
}

function isSameAddress(
  address: AddressInfo | string | null,
  target: { readonly host: string; readonly port: number },
): boolean {
  if (address === null || typeof address === 'string' || address.port !== target.port) return false;
  return target.host === 'localhost' ? LOOPBACK.has(address.address) : address.address === target.host;
}

function describeTarget(target: ListenTarget): string {
  return 'path' in target ? target.path : `${target.host}:${target.port}`;
}

/** A service that was killed leaves its socket file, which would be in our way for ever. One that answers stays. */
async function removeStaleSocket(path: string): Promise<void> {
  if ((await connectErrno(path)) === 'ECONNREFUSED') await unlink(path);
}

/** What a client of this path meets: undefined when its connection is accepted. */
function connectErrno(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error) => resolve(errnoOf(error)));
  });
}
