// A server that does nothing: what Node and Fastify cost before there is a service.
// Usage: node bare-fastify.ts PORT
import fastify from 'fastify';

const app = fastify();
app.get('/readyz', () => 'ready');
await app.listen({ host: '127.0.0.1', port: Number(process.argv[2]) });
