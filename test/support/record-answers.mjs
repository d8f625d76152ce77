// Loaded into a service by --import: keeps each answer that it gives, for checkAnswers(). The service knows nothing of it.
// No TypeScript, since an old Node may be the first to read it.
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';
import { Readable } from 'node:stream';

const record = process.env['RPMYARD_TEST_ANSWERS'];

if (record !== undefined) {
  subscribe('fastify.initialization', ({ fastify }) => {
    fastify.addHook('onSend', async (request, reply, payload) => recordAnswer(request, reply, payload));
  });
}

function recordAnswer(request, reply, payload) {
  const type = reply.getHeader('content-type');
  const write = (body) => {
    // Of a request that no route takes there is no path of a route.
    const route = request.is404 ? undefined : request.routeOptions.url;
    const { method, originalUrl: url } = request;
    appendFileSync(
      record,
      `${JSON.stringify({ method, route, url, status: reply.statusCode, type, body })}\n`,
    );
  };
  const isJson = String(type ?? '').includes('json');
  if (isJson && payload instanceof Readable) return Readable.from(recorded(payload, write));
  write(isJson && payload !== null && payload !== undefined ? String(payload) : undefined);
  return payload;
}

async function* recorded(payload, write) {
  const pieces = [];
  for await (const piece of payload) {
    pieces.push(String(piece));
    yield piece;
  }
  write(pieces.join(''));
}
