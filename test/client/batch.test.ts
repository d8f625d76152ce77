import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { choosePushExitCode } from '../../src/client/exit-code.ts';
import { pushFiles, type PushReport } from '../../src/client/push-files.ts';
import type { PushOptions } from '../../src/client/push-options.ts';
import { BATCH_FACTS, NO_EVENTS, outcomeOf, pushOptions, type PushChanges } from '../support/push-options.ts';
import { type Exchanged, type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts';
import { sha256Of } from '../support/send-request.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const NAMES = ['a', 'b', 'c'];
const DIGESTS = NAMES.map((name) => sha256Of(Buffer.from(name)));

let dir: TempDir;

beforeEach(async () => {
  dir = await createTempDir();
});

afterEach(() => dir.remove());

async function pushBatch(
  server: ScriptedServer,
  given: PushChanges = {},
): Promise<{ readonly report: PushReport; readonly exitCode: number }> {
  const files = NAMES.map((name) => ({ path: join(dir.path, name), sizeBytes: 1 }));
  for (const { path } of files) await writeFile(path, path.slice(-1));
  using push = pushOptions(server.baseUrl, { batchId: 'nightly', jobs: 1, ...given });
  const report = await pushFiles(files, push.options, NO_EVENTS);
  return { report, exitCode: choosePushExitCode(report) };
}

type Script = (exchanged: Exchanged) => void | Promise<void>;

/** Takes members into a batch; everything else as the test says. */
function staging(others: Script): Script {
  return async (exchanged) => {
    if (exchanged.seen.method !== 'PUT') return others(exchanged);
    await exchanged.takeBody();
    return exchanged.answer(202, {
      ...outcomeOf(String(exchanged.seen.headers['x-checksum-sha256']), 'staged', 'staged'),
      batch: 'nightly',
    });
  };
}

const batchOf = (state: string, outcome: string): object => ({
  ...BATCH_FACTS,
  batch: 'nightly',
  state,
  packages: DIGESTS.map((sha256) => outcomeOf(sha256, outcome, 'published')),
});

const requests = ({ seen }: ScriptedServer): readonly string[] =>
  seen.map(({ method, path }) => `${method} ${path}`);

const statuses = ({ results }: PushReport): readonly string[] => results.map(({ status }) => status);

describe('a batch', () => {
  it('is committed when all of its packages are there', async () => {
    await using server = await startScriptedServer(
      staging(({ answer }) => answer(200, batchOf('committed', 'created'))),
    );
    const { report, exitCode } = await pushBatch(server);
    expect(exitCode).toBe(0);
    expect(statuses(report)).toEqual(['created', 'created', 'created']);
    expect(report.batch).toEqual({ id: 'nightly', state: 'committed' });
    expect(server.seen.slice(0, 3).map(({ headers }) => headers['x-batch'])).toEqual(
      Array(3).fill('nightly'),
    );
    expect(requests(server).slice(3)).toEqual(['POST /api/v1/batches/nightly/commit']);
  });

  it('is asked for again until it is done, through faults of the service', async () => {
    let asked = 0;
    await using server = await startScriptedServer(
      staging(({ answer, cut }) => {
        asked += 1;
        if (asked === 1) return cut();
        if (asked === 2) return answer(503, { code: 'SHUTTING_DOWN', detail: 'bye', hint: 'again' });
        if (asked === 3) return answer(202, batchOf('committing', 'staged'));
        return answer(200, batchOf('committed', 'unchanged'));
      }),
    );
    const { report, exitCode } = await pushBatch(server, { isWaitWanted: true });
    expect(exitCode).toBe(0);
    expect(statuses(report)).toEqual(['unchanged', 'unchanged', 'unchanged']);
    expect(requests(server).slice(3)).toEqual(Array(4).fill('POST /api/v1/batches/nightly/commit?wait=50'));
  });

  it('that is committed and not in the index in time ends late', async () => {
    await using server = await startScriptedServer(
      staging(({ answer }) => answer(202, batchOf('committed', 'created'))),
    );
    const { report, exitCode } = await pushBatch(server, { isWaitWanted: true, timeoutMs: 2500 });
    expect(exitCode).toBe(4);
    expect(report.batch).toMatchObject({ state: 'waiting', failure: { code: 'INDEX_LATE' } });
  });

  const REFUSAL = {
    code: 'BATCH_REFUSED',
    detail: 'one cannot be placed',
    hint: 'build again',
    refused: [
      {
        nevra: 'hello-1.0-1.el9.x86_64',
        sha256: DIGESTS[1],
        code: 'PACKAGE_CONFLICT',
        detail: 'other bytes',
      },
    ],
  };

  it.each([
    ['is dropped', false, 204, { state: 'dropped' }],
    ['stays when it cannot be dropped', false, 500, { state: 'refused' }],
    ['stays when the user named it', true, 204, { state: 'refused', keptUntil: BATCH_FACTS.keptUntil }],
  ])('that is refused names the packages to blame, and %s', async (_, isBatchNamed, dropStatus, expected) => {
    await using server = await startScriptedServer(
      staging(({ seen: { method }, answer }) => {
        if (method === 'POST') return answer(409, REFUSAL);
        if (method === 'DELETE') return answer(dropStatus);
        return answer(200, batchOf('staged', 'staged'));
      }),
    );
    const { report, exitCode } = await pushBatch(server, { isBatchNamed });
    expect(exitCode).toBe(1);
    expect(statuses(report)).toEqual(['staged', 'refused', 'staged']);
    expect(report.results[1]).toMatchObject({
      failure: { code: 'PACKAGE_CONFLICT', message: 'other bytes' },
    });
    const { failure, ...batch } = report.batch ?? {};
    expect(batch).toEqual({ id: 'nightly', ...expected });
    expect(failure).toMatchObject({ code: 'BATCH_REFUSED' });
    const asked = ['POST /api/v1/batches/nightly/commit', 'GET /api/v1/batches/nightly'];
    const dropped = isBatchNamed ? [] : ['DELETE /api/v1/batches/nightly'];
    expect(requests(server).slice(3)).toEqual([...asked, ...dropped]);
  });

  const documentIn = (state: string, ...places: readonly string[]): object => ({
    ...batchOf(state, 'created'),
    packages: DIGESTS.map((sha256, index) => outcomeOf(sha256, 'created', places[index] ?? places[0])),
  });

  it.each([
    ['INDEX_FAILED', 503, documentIn('committed', 'published', 'waiting', 'waiting')],
    ['SIGNING_FAILED', 503, documentIn('committed', 'published', 'waiting', 'waiting')],
    ['INTERNAL', 500, documentIn('committed', 'published', 'waiting', 'waiting')],
  ])('whose commit is answered %s ends late, since it is committed', async (code, status, document) => {
    await using server = await startScriptedServer(
      staging(({ seen: { method }, answer }) =>
        method === 'GET' ? answer(200, document) : answer(status, { code, detail: 'no', hint: 'look' }),
      ),
    );
    const { report, exitCode } = await pushBatch(server, { isWaitWanted: true, timeoutMs: 3000 });
    expect(exitCode).toBe(4);
    expect(statuses(report)).toEqual(['created', 'waiting', 'waiting']);
    expect(report.batch).toMatchObject({ state: 'waiting', failure: { code } });
    expect(requests(server).at(-1)).toBe('GET /api/v1/batches/nightly');
    expect(requests(server).filter((one) => !one.includes('/commit'))).toHaveLength(4);
  });

  it('that is decided and not placed yet ends late', async () => {
    await using server = await startScriptedServer(
      staging(({ seen: { method }, answer }) =>
        method === 'GET'
          ? answer(200, documentIn('committing', 'staged'))
          : answer(503, { code: 'BATCH_UNPLACED', detail: 'no', hint: 'wait' }),
      ),
    );
    const { report, exitCode } = await pushBatch(server, { timeoutMs: 3000 });
    expect(exitCode).toBe(4);
    expect(statuses(report)).toEqual(['waiting', 'waiting', 'waiting']);
    expect(report.batch).toMatchObject({ state: 'waiting', failure: { code: 'BATCH_UNPLACED' } });
  });

  it('of which a package was set aside is refused for that package alone', async () => {
    await using server = await startScriptedServer(
      staging(({ seen: { method }, answer }) =>
        method === 'GET'
          ? answer(200, documentIn('committed', 'published', 'set-aside', 'published'))
          : answer(422, { code: 'PACKAGE_SET_ASIDE', detail: 'no', hint: 'mend it' }),
      ),
    );
    const { report, exitCode } = await pushBatch(server, { isWaitWanted: true });
    expect(exitCode).toBe(1);
    expect(statuses(report)).toEqual(['created', 'refused', 'created']);
    expect(report.batch).toMatchObject({ state: 'waiting', failure: { code: 'PACKAGE_SET_ASIDE' } });
  });

  it.each([
    ['without waiting', false, 'waiting'],
    ['in the index', true, 'published'],
  ])(
    'whose commit got no answer to the end is a success when it holds: %s',
    async (_, isWaitWanted, place) => {
      await using server = await startScriptedServer(
        staging(({ seen: { method }, answer, cut }) =>
          method === 'GET' ? answer(200, documentIn('committed', place)) : cut(),
        ),
      );
      const { report, exitCode } = await pushBatch(server, { isWaitWanted, timeoutMs: 3000 });
      expect(exitCode).toBe(0);
      expect(statuses(report)).toEqual(['created', 'created', 'created']);
      expect(report.batch).toEqual({ id: 'nightly', state: 'committed' });
    },
  );

  it.each([
    ['gone, as another client dropped it', 404, 404, 1, 'dropped'],
    ['not shown, as it is for other repositories too', 403, 404, 1, 'unknown'],
    ['unknown, as the service is away', 503, 503, 3, 'unknown'],
  ])('that was not committed is said to be %s', async (_, commitStatus, lookStatus, expected, state) => {
    const codes: Readonly<Record<number, string>> = { 403: 'RIGHT_MISSING', 404: 'NOT_FOUND' };
    await using server = await startScriptedServer(
      staging(({ seen: { method }, answer }) => {
        const status = method === 'POST' ? commitStatus : lookStatus;
        return answer(status, { code: codes[status] ?? 'SHUTTING_DOWN', detail: 'no', hint: 'no' });
      }),
    );
    const { report, exitCode } = await pushBatch(server, { timeoutMs: 3000 });
    expect({ exitCode, state: report.batch?.state }).toEqual({ exitCode: expected, state });
    expect(requests(server).at(-1)).toBe('GET /api/v1/batches/nightly');
  });

  it.each([
    ['is dropped', false, 'dropped'],
    ['is kept when the user named it', true, 'kept'],
  ])('that the service never came to commit %s', async (_, isBatchNamed, state) => {
    await using server = await startScriptedServer(
      staging(({ seen: { method }, answer, cut }) => {
        if (method === 'POST') return cut();
        return method === 'DELETE' ? answer(204) : answer(200, batchOf('staged', 'staged'));
      }),
    );
    const { report, exitCode } = await pushBatch(server, { isBatchNamed, timeoutMs: 3000 });
    expect(exitCode).toBe(3);
    expect(report.batch).toMatchObject({ state, failure: { code: 'SERVICE_UNREACHABLE' } });
  });

  it('that was committed behind the back of who wants to drop it is not said to be dropped', async () => {
    let looked = 0;
    await using server = await startScriptedServer(
      staging(({ seen: { method }, answer, cut }) => {
        if (method === 'POST') return cut();
        if (method === 'DELETE') return answer(409, { code: 'BATCH_COMMITTED', detail: 'no', hint: 'no' });
        looked += 1;
        return answer(200, looked === 1 ? batchOf('staged', 'staged') : batchOf('committed', 'created'));
      }),
    );
    const { report, exitCode } = await pushBatch(server, { timeoutMs: 3000 });
    expect({ exitCode, state: report.batch?.state }).toEqual({ exitCode: 0, state: 'committed' });
  });

  it.each([
    ['commit', 'nightly', '/commit'],
    ['package', undefined, '/uploads/'],
  ])('gives the service 80 s to answer for a %s, however little time is left', async (_, batchId, path) => {
    await using server = await startScriptedServer(async ({ seen, answer, takeBody }) => {
      await takeBody();
      const sha256 = String(seen.headers['x-checksum-sha256'] ?? seen.path.split(/[/?]/)[4]);
      if (seen.method === 'POST') return answer(200, batchOf('committed', 'created'));
      return answer(200, outcomeOf(sha256, 'known', 'published'));
    });
    using push = pushOptions(server.baseUrl);
    const idle: unknown[] = [];
    const exchange: PushOptions['exchange'] = async (sending) => {
      if (sending.url.pathname.includes(path)) idle.push(sending.idleMs);
      return push.options.exchange(sending);
    };
    await pushBatch(server, { batchId, exchange, isWaitWanted: true, timeoutMs: 5000 });
    expect(new Set(idle)).toEqual(new Set([80_000]));
  });

  it('of which a package was refused is not committed but dropped', async () => {
    const stage = staging(({ answer }) => answer(204));
    await using server = await startScriptedServer(async (exchanged) => {
      if (server.seen.length !== 2) return stage(exchanged);
      await exchanged.takeBody();
      return exchanged.answer(400, { code: 'RPM_MALFORMED', detail: 'no', hint: 'no' });
    });
    const { report, exitCode } = await pushBatch(server);
    expect(exitCode).toBe(1);
    expect(statuses(report)).toEqual(['staged', 'refused', 'staged']);
    expect(report.batch).toEqual({ id: 'nightly', state: 'dropped' });
    expect(requests(server).slice(3)).toEqual(['DELETE /api/v1/batches/nightly']);
  });

  it.each([
    ['it waits for another push', 200, 'staged', { state: 'kept', keptUntil: BATCH_FACTS.keptUntil }],
    ['it was published before', 200, 'committed', { state: 'committed' }],
    ['nothing of it is there', 404, 'none', { state: 'dropped' }],
    ['it is published now', 200, 'committing', { state: 'waiting' }],
    ['unknown', 401, 'none', { state: 'unknown' }],
  ])(
    'that the user named is not dropped when a package was refused: %s',
    async (_, status, state, expected) => {
      await using server = await startScriptedServer(async ({ seen, takeBody, answer }) => {
        await takeBody();
        if (seen.method === 'PUT') return answer(400, { code: 'RPM_MALFORMED', detail: 'no', hint: 'no' });
        return answer(status, batchOf(state, 'staged'));
      });
      const { report, exitCode } = await pushBatch(server, { isBatchNamed: true });
      expect(exitCode).toBe(1);
      expect(report.batch).toEqual({ id: 'nightly', ...expected });
      expect(requests(server).slice(3)).toEqual(['GET /api/v1/batches/nightly']);
    },
  );

  it('is asked for a member whose answer was lost', async () => {
    let isCut = false;
    const stage = staging(({ seen, answer }) => {
      if (seen.method === 'POST') return answer(200, batchOf('committed', 'created'));
      return answer(200, batchOf('staged', 'staged'));
    });
    await using server = await startScriptedServer(async (exchanged) => {
      if (isCut) return stage(exchanged);
      isCut = true;
      await exchanged.takeBody();
      return exchanged.cut();
    });
    const { report, exitCode } = await pushBatch(server);
    expect({ exitCode, attempts: report.results[0]?.attempts }).toEqual({ exitCode: 0, attempts: 2 });
    expect(requests(server).slice(0, 3)).toEqual([
      'PUT /upload',
      'GET /api/v1/batches/nightly',
      'PUT /upload',
    ]);
    expect(requests(server).filter((one) => one.startsWith('PUT'))).toHaveLength(3);
  });

  it('is no success with a service that publishes its members at once', async () => {
    await using server = await startScriptedServer(async ({ seen, answer, takeBody }) => {
      await takeBody();
      if (seen.method !== 'PUT') return answer(404, { code: 'NOT_FOUND', detail: 'no', hint: 'no' });
      return answer(201, outcomeOf(String(seen.headers['x-checksum-sha256']), 'created'));
    });
    const { report, exitCode } = await pushBatch(server);
    expect(exitCode).toBe(3);
    expect(report.results[0]).toMatchObject({ status: 'failed', failure: { code: 'ANSWER_UNEXPECTED' } });
    expect(requests(server)).not.toContain('POST /api/v1/batches/nightly/commit');
  });
});
