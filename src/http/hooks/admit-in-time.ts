import type { FastifyInstance } from 'fastify';
import { shuttingDown } from '../shutting-down.ts';

// A request that comes this soon after the stop began was already on its way, on a connection that was accepted before.
const LATE_REQUEST_MS = 5_000;

/**
 * Lets requests wait until the service is ready, and refuses those that come when it is being stopped.
 * @param whenReady when it fails, requests are refused with its error.
 */
export function admitInTime(app: FastifyInstance, whenReady: Promise<void>): void {
  let closingSinceMs: number | undefined;
  app.addHook('preClose', async () => {
    closingSinceMs = performance.now();
  });
  app.addHook('onSend', async (_request, reply) => {
    // A connection that is kept alive after its answer would keep the service from ending.
    if (closingSinceMs !== undefined) reply.header('connection', 'close');
  });
  app.addHook('onRequest', async () => {
    await whenReady;
    if (closingSinceMs === undefined || performance.now() - closingSinceMs < LATE_REQUEST_MS) return;
    throw shuttingDown();
  });
}
