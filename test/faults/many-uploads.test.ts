import type { Socket } from 'node:net';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { isLongRun } from '../support/is-long-run.ts';
import { openSocket, putHeader } from '../support/raw-socket.ts';
import { readerOverHttp, readIndex } from '../support/read-index.ts';
import { type Front, type Site, startSite } from '../support/run-site.ts';
import { type HttpAnswer, putPackage, reindex, sha256Of } from '../support/send-request.ts';

const REPOSITORY = '9/x86_64';
const UPLOADS = isLongRun ? 1_000 : 300;
const CONNECTIONS = 50;
const TRICKLING = 200;
/** Between two bytes of a trickling connection; far below what nginx and the service call a stall. */
const TRICKLE_MS = 2_000;
const FAST_MS = 5_000;

/**
 * nginx may still count a connection of the former upload when the next one comes, and then says that there are too many
 * (64) from one address.
 */
async function putUntilTaken(baseUrl: string, bytes: Uint8Array): Promise<HttpAnswer> {
  for (;;) {
    const answer = await putPackage(baseUrl, bytes);
    if (answer.status !== 429) return answer;
  }
}

/** Every package that was acknowledged: file name and sha256. */
async function uploadMany(site: Site): Promise<ReadonlyMap<string, string>> {
  const acknowledged = new Map<string, string>();
  let next = 0;
  const connection = async (): Promise<void> => {
    while (next < UPLOADS) {
      next += 1;
      const name = `many${next}`;
      const bytes = craftRpm({ name });
      const { status, text } = await putUntilTaken(site.baseUrl, bytes);
      if (status !== 201) throw new Error(`${name} was answered ${status}: ${text}`);
      acknowledged.set(`Packages/${name}-1.0-1.el9.x86_64.rpm`, sha256Of(bytes));
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  return acknowledged;
}

test(`${UPLOADS} uploads from ${CONNECTIONS} connections through nginx are all acknowledged, on disk and in the index`, async () => {
  await using site = await startSite();
  const acknowledged = await uploadMany(site);
  expect(acknowledged.size).toBe(UPLOADS);
  for (const [location, sha256] of acknowledged) {
    expect(sha256Of(await readFile(join(site.storageDir, REPOSITORY, location)))).toBe(sha256);
  }
  expect(await reindex(site.baseUrl, REPOSITORY)).toMatchObject({ status: 200 });
  const { packages } = await readIndex(readerOverHttp(site.baseUrl, REPOSITORY));
  expect(packages).toEqual(acknowledged);
  await eventually(async () => expect(await site.leftovers()).toEqual([]));
});

describe(`beside ${TRICKLING} connections that send a byte every ${TRICKLE_MS / 1000} s`, () => {
  /** Connections that nginx does not refuse; each has sent its head and the first byte. */
  async function trickle(baseUrl: string): Promise<Disposable & { readonly sockets: readonly Socket[] }> {
    const sockets: Socket[] = [];
    for (let number = 0; number < TRICKLING; number += 1) {
      const socket = await openSocket(baseUrl);
      socket.on('error', () => undefined);
      socket.write(Buffer.concat([putHeader(100_000), Buffer.of(0)]));
      sockets.push(socket);
    }
    const timer = setInterval(() => {
      for (const socket of sockets) socket.write(Buffer.of(0));
    }, TRICKLE_MS);
    return {
      sockets,
      [Symbol.dispose]: () => {
        clearInterval(timer);
        for (const socket of sockets) socket.destroy();
      },
    };
  }

  test.each<Front>(['nginx', 'none'])(
    `an upload takes less than ${FAST_MS / 1000} s (front: %s)`,
    async (front) => {
      // Of one address; the shipped configuration takes 64 and refuses the others at once.
      const replacements = [{ from: 'rpmyard_client_uploads 64;', to: 'rpmyard_client_uploads 256;' }];
      await using site = await startSite({ front, ...(front === 'nginx' && { replacements }) });
      using trickling = await trickle(site.baseUrl);
      for (let number = 0; number < 5; number += 1) {
        const startedMs = performance.now();
        const answer = await putPackage(site.baseUrl, craftRpm({ name: `normal${number}` }));
        expect(answer).toMatchObject({ status: 201 });
        expect(performance.now() - startedMs).toBeLessThan(FAST_MS);
      }
      const waited = await putPackage(site.baseUrl, craftRpm({ name: 'waited' }), 'wait=50');
      expect(waited).toMatchObject({ status: 201 });
      expect(trickling.sockets.filter(({ destroyed }) => !destroyed)).toHaveLength(TRICKLING);
    },
  );
});
