import { once } from 'node:events';
import type { FastifyInstance } from 'fastify';

/**
 * Makes a request wait for its turn when a client sent several ahead on one connection: Node parses all of them at
 * once, and each would open its file and read from it, although only the first can be answered.
 */
export function answerInTurn(app: FastifyInstance): void {
  app.addHook('onRequest', async (_request, { raw: response }) => {
    // Node gives a response its connection when those before it have ended. One whose connection ends first waits for ever, and is
    // collected with it.
    if (response.socket === null) await once(response, 'socket');
  });
}
