import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { CI_TOKEN, startAccessSite } from '../support/access-site.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { openSocket } from '../support/raw-socket.ts';
import { startSite } from '../support/run-site.ts';
import { putPackage } from '../support/send-request.ts';
import { shareSite } from '../support/share-site.ts';
import { createUploadTimes } from '../support/upload-times.ts';

/** As many as the shipped configuration takes from an address, and from these four all that it takes together. */
const PER_ADDRESS = 64;
const ADDRESSES = ['127.0.0.10', '127.0.0.11', '127.0.0.12', '127.0.0.13'];
/** Between two bytes of a connection that goes on sending. */
const TRICKLE_MS = 250;
const UPLOADS = 5;

interface Intruder {
  readonly socket: Socket;
  /** What came back so far. */
  readonly answer: () => string;
}

interface Intruders extends Disposable {
  readonly all: readonly Intruder[];
  /** Those that were answered with an error. */
  readonly refused: () => readonly Intruder[];
}

/** Connections that promise a large body and send it a byte at a time, whatever is answered. */
async function intrude(
  baseUrl: string,
  { addresses = ADDRESSES, perAddress = PER_ADDRESS, method = 'PUT', path = '/upload', token = '' },
): Promise<Intruders> {
  const authorization = token === '' ? '' : `Authorization: Bearer ${token}\r\n`;
  const head = `${method} ${path} HTTP/1.1\r\nHost: repo\r\n${authorization}Content-Length: 100000000\r\n\r\nx`;
  const all: Intruder[] = [];
  for (const address of addresses) {
    for (let number = 0; number < perAddress; number += 1) {
      const socket = await openSocket(baseUrl, address);
      let text = '';
      socket
        .on('error', () => undefined)
        .on('data', (bytes: Buffer) => {
          text += bytes.toString();
        });
      socket.write(head);
      all.push({ socket, answer: () => text });
    }
  }
  const timer = setInterval(() => {
    for (const { socket } of all) socket.write('x');
  }, TRICKLE_MS);
  return {
    all,
    refused: () => all.filter(({ answer }) => answer().startsWith('HTTP/1.1 4')),
    [Symbol.dispose]: () => {
      clearInterval(timer);
      for (const { socket } of all) socket.destroy();
    },
  };
}

/** @param kind of packages that no other test of the site uses. */
async function expectFastUploads(baseUrl: string, kind: string): Promise<void> {
  const times = createUploadTimes();
  const headers = { authorization: `Bearer ${CI_TOKEN}` };
  for (let number = 0; number < UPLOADS; number += 1) {
    const name = `${kind}${number}`;
    const answer = await times.measure(() => putPackage(baseUrl, craftRpm({ name }), '', headers));
    expect(answer).toMatchObject({ status: 201 });
  }
  times.expectFast();
}

/** nginx closes what goes on sending after a refusal. */
const whenGone = ({ refused }: Intruders): Promise<void> =>
  eventually(() => expect(refused().filter(({ socket }) => !socket.closed)).toEqual([]));

describe('uploads go on while connections that were refused send on', () => {
  const shared = shareSite(() => startAccessSite('nginx'));

  test('because their addresses may not upload', async () => {
    const replacements = [{ from: 'allow 127.0.0.0/8;', to: 'allow 127.0.0.1;' }];
    await using site = await startSite({ replacements });
    using intruders = await intrude(site.baseUrl, {});
    await eventually(() => expect(intruders.refused()).toHaveLength(intruders.all.length));
    await expectFastUploads(site.baseUrl, 'allowed');
    expect(intruders.refused()[0]?.answer()).toContain('ERROR CLIENT_NOT_ALLOWED');
    await whenGone(intruders);
  });

  test.each([
    ['PUT', '/upload', 'CREDENTIALS_MISSING'],
    ['POST', '/upload', 'CREDENTIALS_MISSING'],
    ['PATCH', '/upload/resumable/1', 'CREDENTIALS_MISSING'],
    ['DELETE', '/upload/resumable/1', 'CREDENTIALS_MISSING'],
    // Needs no credentials, and is refused all the same.
    ['GET', '/upload', 'METHOD_NOT_ALLOWED'],
  ])('because %s %s without credentials is refused', async (method, path, code) => {
    const site = shared();
    using intruders = await intrude(site.baseUrl, { method, path });
    await eventually(() => expect(intruders.refused()).toHaveLength(intruders.all.length));
    expect(await site.leftovers()).toEqual([]);
    await expectFastUploads(site.baseUrl, `${method}${path.length}-`);
    expect(intruders.refused()[0]?.answer()).toContain(`ERROR ${code}`);
    await whenGone(intruders);
  });

  test('because their address has too many uploads already', async () => {
    const site = shared();
    // nginx may still count a connection of the test before.
    const addresses = ['127.0.0.20'];
    const options = { addresses, perAddress: 5 * PER_ADDRESS, token: CI_TOKEN };
    using intruders = await intrude(site.baseUrl, options);
    await eventually(() => expect(intruders.refused()).toHaveLength(4 * PER_ADDRESS));
    await expectFastUploads(site.baseUrl, 'beside');
    expect(intruders.refused()[0]?.answer()).toContain('ERROR TOO_MANY_UPLOADS');
    await whenGone(intruders);
    expect(intruders.all.filter(({ socket }) => !socket.closed)).toHaveLength(PER_ADDRESS);
  });

  test('for a few seconds only, in which a client can read its answer', async () => {
    const site = shared();
    using intruders = await intrude(site.baseUrl, { addresses: ['127.0.0.10'], perAddress: 1 });
    await eventually(() => expect(intruders.refused()).toHaveLength(1));
    const startedMs = performance.now();
    await whenGone(intruders);
    expect(performance.now() - startedMs).toBeGreaterThan(3_000);
    expect(performance.now() - startedMs).toBeLessThan(15_000);
  });
});
