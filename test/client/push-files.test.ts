import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { choosePushExitCode } from '../../src/client/exit-code.ts';
import { openConnection } from '../../src/client/open-connection.ts';
import { pushFiles, type PushReport } from '../../src/client/push-files.ts';
import {
  NO_EVENTS,
  outcomeOf,
  pushOptions,
  type TestPush,
  type PushChanges,
} from '../support/push-options.ts';
import { type Exchanged, type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts';
import { sha256Of } from '../support/send-request.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const LARGE_BYTES = 8 * 1024 * 1024;

let dir: TempDir;

beforeEach(async () => {
  dir = await createTempDir();
});

afterEach(() => dir.remove());

interface Pushed extends TestPush {
  readonly report: PushReport;
  readonly exitCode: number;
  /** How far into the file the last attempt came. */
  readonly sentBytes: number;
}

/** Pushes one file of that many bytes, against a server that answers as `script` says. */
async function pushOne(server: ScriptedServer, sizeBytes = 5, given: PushChanges = {}): Promise<Pushed> {
  const path = join(dir.path, 'hello.rpm');
  await writeFile(path, Buffer.alloc(sizeBytes, 'x'));
  using push = pushOptions(server.baseUrl, given);
  let sentBytes = 0;
  const onSent = (_file: unknown, positionBytes: number): void => {
    sentBytes = positionBytes;
  };
  const report = await pushFiles([{ path, sizeBytes }], push.options, { ...NO_EVENTS, onSent });
  return { ...push, report, exitCode: choosePushExitCode(report), sentBytes };
}

const digestOf = ({ seen }: Exchanged): string => String(seen.headers['x-checksum-sha256']);

/** Accepts an upload. */
async function accept(exchanged: Exchanged): Promise<void> {
  await exchanged.takeBody();
  exchanged.answer(201, outcomeOf(digestOf(exchanged), 'created'));
}

const requestsTo = ({ seen }: ScriptedServer): readonly string[] =>
  seen.map(({ method, path }) => `${method} ${path.replace(/[0-9a-f]{64}/, '<sha256>')}`);

describe('an upload', () => {
  it('says its length, its digest and its credentials', async () => {
    await using server = await startScriptedServer(accept);
    const { exitCode, report } = await pushOne(server, 5, { releasever: '9', batchId: undefined });
    expect(exitCode).toBe(0);
    expect(report.results).toMatchObject([{ status: 'created', attempts: 1 }]);
    expect(server.seen).toMatchObject([
      {
        method: 'PUT',
        path: '/upload?releasever=9',
        receivedBytes: 5,
        headers: {
          'content-length': '5',
          'x-checksum-sha256': sha256Of(Buffer.from('xxxxx')),
          authorization: 'Bearer secret',
        },
      },
    ]);
    expect(server.seen[0]?.headers.expect).toBeUndefined();
  });

  it.each([[500], [502], [507], [408], [429]])(
    'is tried again after %i, and its fate asked before',
    async (status) => {
      await using server = await startScriptedServer(async (exchanged) => {
        const { seen, answer, takeBody } = exchanged;
        if (seen.method === 'GET') return answer(404, {});
        if (server.seen.length > 1) return accept(exchanged);
        await takeBody();
        return answer(status, { code: 'SOME_CODE', detail: 'for now', hint: 'again' });
      });
      const { report, pausesMs, failures } = await pushOne(server);
      expect(report.results).toMatchObject([{ status: 'created', attempts: 2 }]);
      expect(requestsTo(server)).toEqual(['PUT /upload', 'GET /api/v1/uploads/<sha256>', 'PUT /upload']);
      expect(pausesMs).toEqual([1000]);
      expect(failures).toMatchObject([{ code: 'SOME_CODE', message: 'for now' }]);
    },
  );

  it('is not sent again when only its answer was lost', async () => {
    await using server = await startScriptedServer(async ({ seen, answer, takeBody, cut }) => {
      const sha256 = seen.path.split('/').at(-1) ?? '';
      if (seen.method === 'GET') return answer(202, outcomeOf(sha256, 'known'));
      await takeBody();
      return cut();
    });
    const { report } = await pushOne(server);
    expect(report.results).toMatchObject([{ status: 'unchanged', attempts: 2 }]);
    expect(requestsTo(server)).toEqual(['PUT /upload', 'GET /api/v1/uploads/<sha256>']);
  });

  it('is sent again when the package is known in another releasever than the one asked for', async () => {
    await using server = await startScriptedServer(async (exchanged) => {
      const { seen, answer, takeBody, cut } = exchanged;
      if (seen.method === 'GET')
        return answer(200, outcomeOf(seen.path.slice(-64), 'known', 'published', '10/x86_64'));
      if (server.seen.length > 1) return accept(exchanged);
      await takeBody();
      return cut();
    });
    const { report } = await pushOne(server, 5, { releasever: '9' });
    expect(report.results).toMatchObject([{ status: 'created', attempts: 2 }]);
  });

  it.each([[401], [403]])('is sent again when the answer to what became of it is %i', async (status) => {
    await using server = await startScriptedServer(async (exchanged) => {
      const { seen, answer } = exchanged;
      if (seen.method === 'GET') return answer(status, { code: 'NO', detail: 'no', hint: 'no' });
      return server.seen.length > 1 ? accept(exchanged) : exchanged.cut();
    });
    expect((await pushOne(server)).report.results).toMatchObject([{ status: 'created', attempts: 2 }]);
  });

  it.each([
    [400, 'RPM_MALFORMED'],
    [404, 'NOT_FOUND'],
    [409, 'PACKAGE_CONFLICT'],
    [413, 'UPLOAD_TOO_LARGE'],
  ])('that is refused with %i is not tried again', async (status, code) => {
    await using server = await startScriptedServer(async ({ answer, takeBody }) => {
      await takeBody();
      answer(status, { code, detail: 'no', hint: 'do not' });
    });
    const { report, exitCode } = await pushOne(server);
    expect(exitCode).toBe(1);
    expect(report.results).toMatchObject([
      { status: 'refused', attempts: 1, failure: { code, hint: 'do not' } },
    ]);
  });

  it('of 1 MiB or more is asked for first, and not sent when it is refused', async () => {
    await using server = await startScriptedServer(({ answer }) =>
      answer(401, { code: 'CREDENTIALS_INVALID', detail: 'no', hint: 'no' }),
    );
    const { report, exitCode, sentBytes } = await pushOne(server, LARGE_BYTES);
    expect(exitCode).toBe(1);
    expect(report.results).toMatchObject([{ failure: { code: 'CREDENTIALS_INVALID' } }]);
    expect(server.seen).toMatchObject([{ headers: { expect: '100-continue' } }]);
    expect(sentBytes).toBe(0);
  });

  it('stops being sent when the answer comes before its end', async () => {
    const readBytes = 100_000;
    await using server = await startScriptedServer(async ({ request, response, seen, answer }) => {
      response.writeContinue();
      for await (const chunk of request.iterator({ destroyOnReturn: false })) {
        seen.receivedBytes += String(chunk).length;
        if (seen.receivedBytes > readBytes) break;
      }
      answer(413, { code: 'UPLOAD_TOO_LARGE', detail: 'enough', hint: 'no' });
      // As a server that goes on taking a body that it does not want.
      request.resume();
    });
    const { report, sentBytes } = await pushOne(server, 8 * LARGE_BYTES - 1);
    expect(report.results).toMatchObject([{ status: 'refused', failure: { code: 'UPLOAD_TOO_LARGE' } }]);
    expect(sentBytes).toBeGreaterThan(0);
    expect(sentBytes).toBeLessThan(4 * LARGE_BYTES);
  });

  it('is sent after a second when the server does not say that it may be', async () => {
    await using server = await startScriptedServer(async ({ request, seen, answer }) => {
      for await (const chunk of request) seen.receivedBytes += String(chunk).length;
      answer(201, outcomeOf(String(seen.headers['x-checksum-sha256']), 'created'));
    });
    expect((await pushOne(server, 2_000_000)).exitCode).toBe(0);
    expect(server.seen).toMatchObject([{ receivedBytes: 2_000_000 }]);
  });

  it('is over when the time is, with the last failure', async () => {
    await using server = await startScriptedServer(({ cut }) => cut());
    const { report, exitCode, pausesMs } = await pushOne(server, 5, { timeoutMs: 5000 });
    expect(exitCode).toBe(3);
    expect(report.results).toMatchObject([
      { status: 'failed', attempts: 4, failure: { code: 'SERVICE_UNREACHABLE' } },
    ]);
    expect(pausesMs).toEqual([1000, 2000, 2000]);
  });

  it('follows no redirect, and says where it leads', async () => {
    await using other = await startScriptedServer(accept);
    await using server = await startScriptedServer(({ answer }) =>
      answer(307, {}, { location: `${other.baseUrl}/upload` }),
    );
    const { report, exitCode } = await pushOne(server);
    expect(exitCode).toBe(3);
    expect(report.results).toMatchObject([
      { status: 'failed', attempts: 1, failure: { code: 'ANSWER_UNEXPECTED' } },
    ]);
    expect(report.results[0]?.failure?.message).toContain(other.baseUrl);
    expect(other.seen).toEqual([]);
  });

  it('is no success when something else than Rpmyard says so', async () => {
    await using server = await startScriptedServer(async ({ answer, takeBody }) => {
      await takeBody();
      answer(200, { welcome: 'to this hotel' });
    });
    const { report, exitCode } = await pushOne(server);
    expect(exitCode).toBe(3);
    expect(report.results).toMatchObject([
      { failure: { code: 'ANSWER_UNEXPECTED', message: 'this answer (200) does not come from Rpmyard' } },
    ]);
  });

  it('of a file that became shorter fails without waiting for the service', async () => {
    await using server = await startScriptedServer(async ({ takeBody }) => takeBody());
    const path = join(dir.path, 'short.rpm');
    await writeFile(path, 'short');
    using push = pushOptions(server.baseUrl);
    const report = await pushFiles([{ path, sizeBytes: 6 }], push.options, NO_EVENTS);
    expect(report.results).toMatchObject([
      { status: 'refused', attempts: 1, failure: { code: 'SOURCE_CHANGED' } },
    ]);
  });

  it('ends at once when it is interrupted while its digest is computed', async () => {
    await using server = await startScriptedServer(accept);
    const controller = new AbortController();
    using push = pushOptions(server.baseUrl, { signal: controller.signal });
    // It has no end.
    const pushing = pushFiles([{ path: '/dev/zero', sizeBytes: 1 }], push.options, NO_EVENTS);
    await setImmediate();
    controller.abort(new Error('interrupted'));
    await expect(pushing).rejects.toThrow('interrupted');
    expect(server.seen).toEqual([]);
  });

  it('says for how long there was no answer', async () => {
    await using server = await startScriptedServer(({ takeBody }) => takeBody());
    using connection = openConnection('http:', { headers: {}, idleMs: 100 });
    const url = new URL(server.baseUrl);
    await expect(connection.exchange({ method: 'GET', url })).rejects.toThrow('no answer for 0.1 s');
  });

  it('speaks of its own option where the service speaks of the URL', async () => {
    await using server = await startScriptedServer(({ answer }) =>
      answer(422, { code: 'RELEASEVER_UNKNOWN', detail: 'no distribution', hint: 'add ?releasever=9' }),
    );
    const [result] = (await pushOne(server)).report.results;
    expect(result?.failure?.hint).toContain('--releasever 9');
  });

  it('leaves no text of the service that a terminal would obey', async () => {
    await using server = await startScriptedServer(({ answer }) =>
      answer(400, { code: 'X\u001b[31m', detail: 'a\u001b[2Jb', hint: 'c\u009b2Jd\u202e' }),
    );
    const [result] = (await pushOne(server)).report.results;
    expect(result?.failure).toMatchObject({
      code: 'X\\u001b[31m',
      message: 'a\\u001b[2Jb',
      hint: 'c\\u009b2Jd\\u202e',
    });
  });
});

describe('waiting for the index', () => {
  /** Accepts uploads, and answers questions of what became of them with these in turn. */
  async function waitingServer(...answers: readonly (readonly [number, object])[]): Promise<ScriptedServer> {
    let index = 0;
    return startScriptedServer((exchanged) => {
      if (exchanged.seen.method === 'PUT') return accept(exchanged);
      const [status, document] = answers[Math.min(index, answers.length - 1)] ?? [404, {}];
      index += 1;
      return exchanged.answer(status, document);
    });
  }

  const SHA256 = sha256Of(Buffer.from('xxxxx'));
  const waiting = [202, outcomeOf(SHA256, 'known')] as const;
  const published = [200, outcomeOf(SHA256, 'known', 'published')] as const;

  it('asks until every host can install the package', async () => {
    await using server = await waitingServer(waiting, [502, {}], waiting, published);
    const { report, exitCode } = await pushOne(server, 5, { isWaitWanted: true });
    expect(exitCode).toBe(0);
    expect(report.results).toMatchObject([
      { status: 'created', outcome: { outcome: 'created', places: [{ state: 'published' }] } },
    ]);
    expect(requestsTo(server).slice(1)).toEqual(Array(4).fill('GET /api/v1/uploads/<sha256>?wait=50'));
  });

  it('takes fields and words of a newer service', async () => {
    const places = [{ repository: 'test/9/x86_64', location: 'x', url: 'x', state: 'mirrored', more: 1 }];
    const newer = { ...outcomeOf(SHA256, 'renewed'), places, more: 1 };
    await using server = await waitingServer([200, newer]);
    const { report, exitCode } = await pushOne(server, 5, { isWaitWanted: true });
    expect({ exitCode, results: report.results }).toMatchObject({
      exitCode: 0,
      results: [{ status: 'created', outcome: { places } }],
    });
  });

  it('ends when the time is up, though the package is accepted', async () => {
    await using server = await waitingServer(waiting);
    const { report, exitCode, pausesMs } = await pushOne(server, 5, { isWaitWanted: true, timeoutMs: 3000 });
    expect(exitCode).toBe(4);
    expect(report.results).toMatchObject([{ status: 'waiting', failure: { code: 'INDEX_LATE' } }]);
    expect(pausesMs.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(3000);
  });

  it('ends late too when the index fails to the end', async () => {
    await using server = await waitingServer([503, { code: 'INDEX_FAILED', detail: 'no', hint: 'no' }]);
    const { report, exitCode } = await pushOne(server, 5, { isWaitWanted: true, timeoutMs: 3000 });
    expect(exitCode).toBe(4);
    expect(report.results).toMatchObject([{ status: 'waiting', failure: { code: 'INDEX_FAILED' } }]);
  });

  it.each([
    ['an error', [422, { code: 'PACKAGE_SET_ASIDE', detail: 'no', hint: 'no' }] as const],
    ['a success', [200, outcomeOf(SHA256, 'known', 'set-aside')] as const],
  ])('a package that was set aside, told by %s, is refused', async (_, answer) => {
    await using server = await waitingServer(waiting, answer);
    const { report, exitCode } = await pushOne(server, 5, { isWaitWanted: true });
    expect(exitCode).toBe(1);
    expect(report.results).toMatchObject([{ status: 'refused', failure: { code: 'PACKAGE_SET_ASIDE' } }]);
  });
});
