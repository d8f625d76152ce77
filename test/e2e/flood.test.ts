import { readFile } from 'node:fs/promises';
import { Agent, type OutgoingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CI_TOKEN, READER_TOKEN, startAccessSite } from '../support/access-site.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { putPackage } from '../support/send-request.ts';
import { createUploadTimes } from '../support/upload-times.ts';

const SENDERS_OF_EACH = 4;
const REQUESTS_BEFORE = 2_000;
const REQUESTS_TOGETHER = 5_000;
const UPLOADS = ['one', 'two', 'three', 'four', 'five'];

interface Refused {
  readonly method: string;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
}

// A quote is two bytes in JSON. nginx takes 8 KiB for a request line.
const LONG = { path: `/api/${'"'.repeat(7_900)}`, headers: { 'x-build-url': '"'.repeat(2_048) } };
const asReader = { ...LONG.headers, authorization: `Bearer ${READER_TOKEN}` };
const FLOOD: readonly Refused[] = [
  { method: 'POST', ...LONG },
  { method: 'GET', ...LONG, path: `/repo/10/x86_64/${'"'.repeat(7_900)}` },
  { method: 'PUT', ...LONG, path: '/upload' },
  { method: 'POST', path: '/api/v1/repositories/9/x86_64/reindex', headers: asReader },
  { method: 'DELETE', path: `/api/v1/batches/${'"'.repeat(90)}`, headers: asReader },
];

/** Sends requests that are refused until it is told to end. */
function startFlood(baseUrl: string): {
  readonly untilAnswered: (count: number) => Promise<void>;
  readonly end: () => Promise<void>;
} {
  const agent = new Agent({ keepAlive: true });
  let answered = 0;
  const ending = new AbortController();
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  const senders = Promise.all(
    FLOOD.flatMap((one) => Array.from({ length: SENDERS_OF_EACH }, () => keepSending(one))),
  );
  // A failure is told to the test when it next waits for the flood.
  senders.catch(() => undefined);
  return {
    untilAnswered: async (count) => {
      const reached = new Promise<void>((resolve) => waiting.push({ count, resolve }));
      await Promise.race([reached, senders]);
    },
    end: async () => {
      ending.abort();
      await senders;
      agent.destroy();
    },
  };

  async function keepSending(one: Refused): Promise<void> {
    while (!ending.signal.aborted) {
      const status = await statusOf(one);
      if (status < 400 || status >= 500) throw new Error(`${one.method} ${one.path} was answered ${status}`);
      answered += 1;
      for (const { count, resolve } of waiting) if (answered >= count) resolve();
    }
  }

  function statusOf({ method, path, headers }: Refused): Promise<number> {
    const { hostname, port } = new URL(baseUrl);
    return new Promise((resolve, reject) => {
      request({ host: hostname, port, method, path, headers, agent }, (answer) => {
        answer
          .resume()
          .once('end', () => resolve(answer.statusCode ?? 0))
          .once('error', reject);
      })
        .once('error', reject)
        .end();
    });
  }
}

describe('a flood of requests that are refused, with and without a token', () => {
  it('neither fills the logs nor keeps an upload waiting', async () => {
    await using site = await startAccessSite('nginx', { public_read: ['9/*'] });
    const headers = { authorization: `Bearer ${CI_TOKEN}` };
    const times = createUploadTimes();

    const flood = startFlood(site.baseUrl);
    await flood.untilAnswered(REQUESTS_BEFORE);
    const startedMs = performance.now();
    for (const name of UPLOADS) {
      const rpm = craftRpm({ name, release: '1.el9', arch: 'x86_64' });
      const { status } = await times.measure(() => putPackage(site.baseUrl, rpm, '', headers));
      expect(status).toBe(201);
    }
    await flood.untilAnswered(REQUESTS_TOGETHER);
    await flood.end();
    const minutes = (performance.now() - startedMs) / 60_000 + 1;

    times.expectFast();
    const text = await readFile(join(site.stateDir, 'audit.log'), 'utf8');
    const lines = text.trimEnd().split('\n');
    expect(Math.max(...lines.map((line) => Buffer.byteLength(line)))).toBeLessThan(4_096);
    const byWho = Map.groupBy(
      lines.map((line): { readonly who: string | null } => JSON.parse(line)),
      ({ who }) => who,
    );
    expect(byWho.get('token ci')).toMatchObject(
      UPLOADS.map((name) => ({ outcome: 'created', nevra: `${name}-1.0-1.el9.x86_64` })),
    );
    for (const who of [null, 'token reader']) {
      const count = byWho.get(who)?.length;
      expect(count).toBeGreaterThanOrEqual(200);
      expect(count).toBeLessThanOrEqual(200 + 10 * minutes);
    }
    const logLines = site.service.log.map((line) => JSON.stringify(line));
    expect(logLines.length).toBeLessThanOrEqual(600 + 20 * minutes);
    expect(Buffer.byteLength(logLines.join('\n'))).toBeLessThan(1_200_000);
  });
});
