import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** One HTTP connection that sends prepared bodies one after the other. */
export interface PutConnection {
  /** Sends a PUT and returns when the whole answer is there. @throws when the answer is not 201. */
  put(request: {
    readonly path: string;
    /** Whole lines, each with its end. */
    readonly headers: string;
    readonly head: Buffer;
    readonly payload: Buffer;
  }): Promise<void>;
  close(): void;
}

// Smaller bodies are sent as one buffer: copying them costs less than a second write.
const ONE_WRITE_BYTES = 64 * 1024;

/**
 * A connection that does as little as it can, so that on two processors the load costs little beside what it measures:
 * node:http takes three times its time at 10 KB. It opens a new connection when the server closes (nginx does that
 * after 1,000 requests).
 */
export function openPutConnection(port: number): PutConnection {
  let socket: Socket | undefined;

  return {
    put: async ({ path, headers, head, payload }) => {
      socket ??= await openSocket(port);
      const contentLength = head.length + payload.length;
      const request = Buffer.from(
        `PUT ${path} HTTP/1.1\r\nHost: bench\r\nContent-Length: ${contentLength}\r\n${headers}\r\n`,
      );
      send(socket, [request, head, payload]);
      if (await readAnswer(socket)) return;
      socket.destroy();
      socket = undefined;
    },
    close: () => socket?.destroy(),
  };
}

async function openSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return socket;
}

function send(socket: Socket, parts: readonly Buffer[]): void {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  if (size <= ONE_WRITE_BYTES) {
    socket.write(Buffer.concat(parts));
    return;
  }
  socket.cork();
  for (const part of parts) socket.write(part);
  socket.uncork();
}

/** True when the connection stays open. */
function readAnswer(socket: Socket): Promise<boolean> {
  const answered = Promise.withResolvers<boolean>();
  let text = '';
  const onData = (chunk: Buffer): void => {
    text += chunk.toString('latin1');
    const headEnd = text.indexOf('\r\n\r\n');
    if (headEnd === -1) return;
    const contentLength = Number(/\r\ncontent-length: (?<bytes>\d+)/i.exec(text)?.groups?.['bytes'] ?? 0);
    if (text.length < headEnd + 4 + contentLength) return;
    if (text.startsWith('HTTP/1.1 201 ')) answered.resolve(!/\r\nconnection: close/i.test(text));
    else answered.reject(new Error(`expected 201, got: ${text}`));
  };
  const onClose = (): void => answered.reject(new Error(`the connection was closed; received: ${text}`));
  socket.on('data', onData).on('close', onClose).on('error', answered.reject);
  return answered.promise.finally(() => {
    socket.off('data', onData).off('close', onClose).off('error', answered.reject);
  });
}
