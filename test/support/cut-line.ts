import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { findFreePort } from './free-port.ts';

/** A bad line to a server. */
export interface CutLine extends AsyncDisposable {
  readonly baseUrl: string;
  /** How often it was cut so far. */
  readonly cutCount: number;
  /** Cuts every connection now. */
  cut(): void;
}

/**
 * Passes everything on, and cuts every connection each time that clients have sent another so many bytes.
 * @param cutAfterBytes one number for each cut; then the line holds.
 */
export async function startCutLine(
  targetUrl: string,
  cutAfterBytes: readonly number[] = [],
): Promise<CutLine> {
  const target = new URL(targetUrl);
  const sockets = new Set<Socket>();
  let cutCount = 0;
  let passedBytes = 0;

  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
    sockets.clear();
  };
  const count = (bytes: number): void => {
    passedBytes += bytes;
    if (passedBytes < (cutAfterBytes[cutCount] ?? Number.POSITIVE_INFINITY)) return;
    passedBytes = 0;
    cutCount += 1;
    cut();
  };
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.once('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.on('error', () => undefined);
    }
    client.on('data', (chunk) => count(chunk.length));
    client.pipe(upstream);
    upstream.pipe(client);
  });
  const port = await findFreePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');

  return {
    baseUrl: `http://127.0.0.1:${port}`,
    get cutCount() {
      return cutCount;
    },
    cut,
    async [Symbol.asyncDispose]() {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}
