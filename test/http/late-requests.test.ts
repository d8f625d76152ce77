import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openSocket, readToEnd } from '../support/raw-socket.ts';
import { buildTestApp, type TestApp } from '../support/test-app.ts';

const HALF = 'GET /healthz HTTP/1.1\r\nHost: repo\r\n';

/** An app that is being closed while this connection has sent half of a request's head. */
async function closeMeanwhile(
  test: TestApp,
): Promise<{ readonly socket: Socket; readonly closed: Promise<unknown> }> {
  const address = await test.app.listen({ host: '127.0.0.1', port: 0 });
  const accepted = once(test.app.server, 'connection');
  const socket = await openSocket(address);
  await accepted;
  socket.write(HALF);
  const isClosing = Promise.withResolvers<void>();
  const closed = test.app.close();
  setImmediate(() => isClosing.resolve());
  await isClosing.promise;
  return { socket, closed };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a request on a connection that was accepted before the service is stopped', () => {
  it('is answered, and the connection ends', async () => {
    await using test = await buildTestApp();
    const { socket, closed } = await closeMeanwhile(test);
    socket.write('\r\n');
    const answer = await readToEnd(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer.toLowerCase()).toContain('connection: close');
    await closed;
  });

  it('is refused when it comes late, so that no client holds up the stop', async () => {
    await using test = await buildTestApp();
    const { socket, closed } = await closeMeanwhile(test);
    const nowMs = performance.now();
    vi.spyOn(performance, 'now').mockReturnValue(nowMs + 6_000);
    socket.write('\r\n');
    const answer = await readToEnd(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer).toContain('SHUTTING_DOWN');
    await closed;
  });
});
