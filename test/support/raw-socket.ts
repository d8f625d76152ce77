import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** The head of an upload of this many bytes; the connection ends with its answer. */
export function putHeader(bodyBytes: number, query = '', headers: readonly string[] = []): Buffer {
  const lines = [`PUT /upload${query} HTTP/1.1`, 'Host: repo', `Content-Length: ${bodyBytes}`, ...headers];
  return Buffer.from(`${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`);
}

/** @param localAddress whose connection it is to be, one of 127.0.0.0/8; default: the system chooses. */
export async function openSocket(baseUrl: string, localAddress?: string): Promise<Socket> {
  const { hostname, port } = new URL(baseUrl);
  const socket = connect({
    host: hostname,
    port: Number(port),
    ...(localAddress !== undefined && { localAddress }),
  });
  await once(socket, 'connect');
  return socket;
}

/** Hands the bytes to the kernel and closes the connection at once, without reading an answer. */
export async function sendAndLeave(baseUrl: string, bytes: Uint8Array): Promise<void> {
  const socket = await openSocket(baseUrl);
  await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
  socket.destroy();
  await once(socket, 'close');
}

/** Everything that comes until the other side closes the connection. */
export async function readToEnd(socket: Socket): Promise<string> {
  return (await buffer(socket)).toString();
}
