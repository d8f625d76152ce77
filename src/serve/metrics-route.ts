import type { FastifyInstance } from 'fastify';
import type { Metrics } from './metrics.ts';

/** /metrics in Prometheus's text format. */
export async function metricsRoute(
  app: FastifyInstance,
  { metrics }: { readonly metrics: Metrics },
): Promise<void> {
  app.get(
    '/metrics',
    { config: { needs: { right: 'read', in: 'all' }, query: 'ignored' } },
    async (_request, reply) =>
      reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
}
