import type { Metrics } from '../../observe/metrics.ts';

// Each answer goes through all repositories. It is used again for ten times as long as it took, so that scrapes take at
// most a tenth of the time, but never for longer than this: alarms rely on it.
const SHARE_FACTOR = 10;
const MAX_SHARE_MS = 1_000;

/** Reads the metrics in Prometheus's text format. Requests that come close together share one answer. */
export function shareMetrics({ registry }: Metrics): () => Promise<string> {
  let shared: Promise<string> | undefined;

  async function makeAnew(): Promise<string> {
    const startedMs = performance.now();
    try {
      return await registry.metrics();
    } finally {
      const tookMs = performance.now() - startedMs;
      const forget = (): void => void (shared = undefined);
      setTimeout(forget, Math.min(SHARE_FACTOR * tookMs, MAX_SHARE_MS)).unref();
    }
  }

  return () => (shared ??= makeAnew());
}
