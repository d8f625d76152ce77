import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { isLongRun } from '../support/is-long-run.ts';
import { openSocket } from '../support/raw-socket.ts';
import { type Front, startSite } from '../support/run-site.ts';
import { putPackage, sendRequest } from '../support/send-request.ts';
import { shareSite } from '../support/share-site.ts';

const CONNECTIONS = 10;
/** How often each connection sends its form again. */
const ROUNDS = isLongRun ? 5 : 2;
/** Asking all the time would take a processor from what is measured. */
const ASK_EVERY_MS = 20;
const FAST_MS = 2_000;
const DELIMITER = '\r\n--X';
const BODILESS_FILE = `${DELIMITER}\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n`;
const BODILESS_FIELD = `${DELIMITER}\r\nContent-Disposition: form-data; name="f"\r\n\r\n`;

/** The head of the answer to a form, also when the rest of the form finds no reader. */
async function sendForm(baseUrl: string, body: string): Promise<string> {
  const socket = await openSocket(baseUrl);
  let answer = '';
  socket
    .on('error', () => undefined)
    .on('data', (bytes: Buffer) => {
      answer += bytes.toString();
      socket.destroy();
    });
  const head = [
    'POST /upload HTTP/1.1',
    'Host: repo',
    'Content-Type: multipart/form-data; boundary=X',
    `Content-Length: ${body.length}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  socket.write(body);
  await once(socket, 'close');
  return answer.slice(0, answer.indexOf('\r\n'));
}

async function sendForms(baseUrl: string, body: string): Promise<readonly string[]> {
  const connections = Array.from({ length: CONNECTIONS }, async () => {
    const answers: string[] = [];
    for (let round = 0; round < ROUNDS; round += 1) answers.push(await sendForm(baseUrl, body));
    return answers;
  });
  return (await Promise.all(connections)).flat();
}

/** How long each of the requests took that were sent one after the other until the work was over. */
async function timesMs(work: Promise<unknown>, request: () => Promise<number>): Promise<readonly number[]> {
  const over = new AbortController();
  const done = work.finally(() => over.abort());
  const times: number[] = [];
  while (!over.signal.aborted) {
    const startedMs = performance.now();
    expect(await request()).toBeLessThan(300);
    times.push(performance.now() - startedMs);
    await delay(ASK_EVERY_MS);
  }
  await done;
  return times;
}

describe.each<Front>(['none', 'nginx'])('with front %s, others are answered while forms come', (front) => {
  const shared = shareSite(() => startSite({ front }));

  test.each([
    ['of delimiters alone', 'delimiters', DELIMITER.repeat(200_000)],
    ['of parts without a header', 'parts', `${DELIMITER}\r\n\r\n`.repeat(100_000)],
    ['of fields without a body', 'fields', BODILESS_FIELD.repeat(20_000)],
  ])('%s, and the forms are refused', async (_, kind, body) => {
    const site = shared();
    const { baseUrl } = site;
    const forms = sendForms(baseUrl, body);
    let number = 0;
    const [health, uploads] = await Promise.all([
      timesMs(forms, async () => (await sendRequest(baseUrl, { path: '/healthz' })).status),
      timesMs(forms, async () => {
        number += 1;
        return (await putPackage(baseUrl, craftRpm({ name: `beside-${kind}${number}` }))).status;
      }),
    ]);
    expect(Math.max(...health)).toBeLessThan(FAST_MS);
    expect(Math.max(...uploads)).toBeLessThan(FAST_MS);
    expect(new Set(await forms)).toEqual(new Set(['HTTP/1.1 400 Bad Request']));
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
  });

  test('of files without a body, and the form is refused', async () => {
    const site = shared();
    const { baseUrl } = site;
    const form = sendForm(baseUrl, BODILESS_FILE.repeat(95_000));
    const health = await timesMs(form, async () => (await sendRequest(baseUrl, { path: '/healthz' })).status);
    expect(Math.max(...health)).toBeLessThan(FAST_MS);
    expect(await form).toBe('HTTP/1.1 400 Bad Request');
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
  });
});
