import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { buildTestApp } from '../../support/test-app.ts';

test('metadata of a client that left while its body was read is checked for no client', async () => {
  const received = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  const given = Promise.withResolvers<AbortSignal>();
  await using service = await buildTestApp({
    metadata: {
      putMetadata: async (_repository, _type, { signal }) => {
        given.resolve(signal);
        return { openSha256: '', fate: () => 'published', [Symbol.dispose]: () => undefined };
      },
    },
  });
  // Stands for a digest or a signature that takes its time: between the body and the check.
  service.app.addHook('onRequest', async (request, reply) => {
    reply.raw.once('close', () => left.resolve());
    const requester = { ...request.requester };
    request.requester = {
      ...requester,
      proveBy: async () => {
        received.resolve();
        await left.promise;
        return requester;
      },
    };
  });
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  const address = service.app.server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const socket = connect(address.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(
    'PUT /api/v1/repositories/9/x86_64/metadata/group HTTP/1.1\r\nHost: repo\r\nContent-Length: 8\r\n\r\n<comps/>',
  );
  await received.promise;
  socket.destroy();
  const signal = await given.promise;
  expect(signal.aborted).toBe(true);
  expect(signal.reason).toMatchObject({ code: 'BODY_INCOMPLETE' });
});

test('metadata that is gone each time it is opened answers STORAGE_FAILED, and is not looked for without end', async () => {
  let lookups = 0;
  await using service = await buildTestApp({
    metadata: {
      findMetadata: async (_repository, type) => {
        lookups += 1;
        return { type, path: '/nowhere/group.gz', openSha256: '', state: 'waiting' };
      },
    },
  });
  const answer = await service.app.inject({
    url: '/api/v1/repositories/9/x86_64/metadata/group',
    headers: { accept: 'application/json' },
  });
  expect(answer.json()).toMatchObject({ status: 500, code: 'STORAGE_FAILED' });
  expect(lookups).toBe(2);
});
