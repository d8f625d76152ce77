import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exitCodeOf } from '../../src/push/exit-code.ts';
import { pushFiles, type PushReport } from '../../src/push/push-files.ts';
import type { PushOptions } from '../../src/push/push-options.ts';
import { NO_EVENTS, outcomeOf, pushOptions } from '../support/push-options.ts';
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
  given: Partial<PushOptions> = {},
): Promise<{ readonly report: PushReport; readonly exitCode: number }> {
  const files = NAMES.map((name) => ({ path: join(dir.path, name), sizeBytes: 1 }));
  for (const { path } of files) await writeFile(path, path.slice(-1));
  using push = pushOptions(server.baseUrl, { batchId: 'nightly', jobs: 1, ...given });
  const report = await pushFiles(files, push.options, NO_EVENTS);
  return { report, exitCode: exitCodeOf(report) };
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

  it('that is refused names the packages to blame, and stays', async () => {
    const refused = [
      {
        nevra: 'hello-1.0-1.el9.x86_64',
        sha256: DIGESTS[1],
        code: 'PACKAGE_CONFLICT',
        detail: 'other bytes',
      },
    ];
    await using server = await startScriptedServer(
      staging(({ answer }) =>
        answer(409, { code: 'BATCH_REFUSED', detail: 'one cannot be placed', hint: 'drop it', refused }),
      ),
    );
    const { report, exitCode } = await pushBatch(server);
    expect(exitCode).toBe(1);
    expect(statuses(report)).toEqual(['staged', 'refused', 'staged']);
    expect(report.results[1]).toMatchObject({
      failure: { code: 'PACKAGE_CONFLICT', message: 'other bytes' },
    });
    expect(report.batch).toMatchObject({ state: 'refused', failure: { code: 'BATCH_REFUSED' } });
    expect(requests(server)).toHaveLength(4);
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
    ['it waits for another push', 200, 'staged', { state: 'kept', keptUntil: '2026-01-02T03:04:05Z' }],
    ['it was published before', 200, 'committed', { state: 'committed' }],
    ['nothing of it is there', 404, 'none', { state: 'dropped' }],
    ['nobody knows', 401, 'none', { state: 'staged' }],
  ])(
    'that the user named is not dropped when a package was refused: %s',
    async (_, status, state, expected) => {
      await using server = await startScriptedServer(async ({ seen, takeBody, answer }) => {
        await takeBody();
        if (seen.method === 'PUT') return answer(400, { code: 'RPM_MALFORMED', detail: 'no', hint: 'no' });
        return answer(status, { ...batchOf(state, 'staged'), keptUntil: '2026-01-02T03:04:05Z' });
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
