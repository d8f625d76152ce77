import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { choosePushExitCode } from '../../../src/client/exit-code.ts';
import type { PushedFile } from '../../../src/client/push-file.ts';
import { pushFiles } from '../../../src/client/push-files.ts';
import { createFakeTus } from '../../support/fake-tus.ts';
import { NO_EVENTS, outcomeOf, pushOptions, type PushChanges } from '../../support/push-options.ts';
import { type Exchanged, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';
import { createTempDir, type TempDir } from '../../support/temp-dir.ts';

const MIB = 1024 * 1024;
/** A large file is one of 64 MiB or more. */
const SIZE_BYTES = 70 * MIB;

let dir: TempDir;
let path: string;

beforeAll(async () => {
  dir = await createTempDir();
  path = join(dir.path, 'large.rpm');
  await writeFile(path, 'x');
  await truncate(path, SIZE_BYTES);
});

afterAll(() => dir.remove());

interface Pushed {
  readonly result: PushedFile | undefined;
  readonly exitCode: number;
  readonly pausesMs: readonly number[];
}

async function pushLarge(server: ScriptedServer, given: PushChanges = {}): Promise<Pushed> {
  using push = pushOptions(server.baseUrl, given);
  const report = await pushFiles([{ path, sizeBytes: SIZE_BYTES }], push.options, NO_EVENTS);
  return { result: report.results[0], exitCode: choosePushExitCode(report), pausesMs: push.pausesMs };
}

const receivedBytes = ({ seen }: ScriptedServer): number =>
  seen.reduce((sum, request) => sum + request.receivedBytes, 0);

/** The answer to the last piece never arrives. */
const lost = ({ cut }: Exchanged): boolean => {
  cut();
  return true;
};

const methods = ({ seen }: ScriptedServer): string => seen.map(({ method }) => method).join(' ');

describe('a large file', () => {
  it('says with its first request what a PUT would have said', async () => {
    await using server = await startScriptedServer(createFakeTus());
    const { result, exitCode } = await pushLarge(server, { releasever: '9' });
    expect({ exitCode, status: result?.status, attempts: result?.attempts }).toEqual({
      exitCode: 0,
      status: 'created',
      attempts: 1,
    });
    expect(server.seen).toMatchObject([
      {
        method: 'POST',
        path: '/upload/resumable?releasever=9',
        headers: {
          'tus-resumable': '1.0.0',
          'upload-length': String(SIZE_BYTES),
          'x-checksum-sha256': result?.sha256,
          authorization: 'Bearer secret',
        },
      },
      {
        method: 'PATCH',
        path: '/upload/resumable/0',
        receivedBytes: SIZE_BYTES,
        headers: {
          'tus-resumable': '1.0.0',
          'upload-offset': '0',
          'content-type': 'application/offset+octet-stream',
          'content-length': String(SIZE_BYTES),
          expect: '100-continue',
        },
      },
    ]);
  });

  it('goes on where it was cut off, and sends nothing twice that the service has', async () => {
    await using server = await startScriptedServer(createFakeTus({ cutAt: [20 * MIB, 50 * MIB] }));
    const { result, exitCode, pausesMs } = await pushLarge(server);
    expect({ exitCode, attempts: result?.attempts }).toEqual({ exitCode: 0, attempts: 3 });
    expect(methods(server)).toBe('POST PATCH GET HEAD PATCH GET HEAD PATCH');
    expect(receivedBytes(server)).toBe(SIZE_BYTES);
    // What went forward begins the pauses anew.
    expect(pausesMs).toEqual([1000, 1000]);
  });

  it('has the whole time again whenever something went forward', async () => {
    const cutAt = Array.from({ length: 12 }, (_, index) => (index + 1) * 5 * MIB);
    await using server = await startScriptedServer(createFakeTus({ cutAt }));
    const { exitCode, result } = await pushLarge(server, { timeoutMs: 2000 });
    expect({ exitCode, attempts: result?.attempts }).toEqual({ exitCode: 0, attempts: 13 });
  });

  it('is given up when nothing goes forward for that time', async () => {
    await using server = await startScriptedServer(createFakeTus({ last: lost }));
    const { exitCode, pausesMs } = await pushLarge(server, { timeoutMs: 5000 });
    expect(exitCode).toBe(3);
    // The first cut comes after everything but the last byte went forward.
    expect(pausesMs).toEqual([1000, 1000, 2000, 2000]);
  });

  it('begins anew when the service does not know it any more', async () => {
    await using server = await startScriptedServer(createFakeTus({ cutAt: [20 * MIB], isForgetful: true }));
    const { exitCode, result } = await pushLarge(server);
    expect({ exitCode, attempts: result?.attempts }).toEqual({ exitCode: 0, attempts: 2 });
    expect(methods(server)).toBe('POST PATCH GET HEAD POST PATCH');
  });

  it('is not sent again when only the last answer was lost', async () => {
    const tus = createFakeTus({ last: lost });
    await using server = await startScriptedServer(async (exchanged) => {
      const { seen, answer } = exchanged;
      return seen.method === 'GET' ? answer(200, outcomeOf(seen.path.slice(-64), 'known')) : tus(exchanged);
    });
    const { result } = await pushLarge(server);
    expect(result).toMatchObject({ status: 'unchanged', attempts: 2 });
    expect(methods(server)).toBe('POST PATCH GET');
  });

  it('sends its last byte again after a fault of the service', async () => {
    let failures = 1;
    const tus = createFakeTus({
      last: ({ answer }) => {
        failures -= 1;
        if (failures === 0) answer(500, { code: 'STORAGE_FAILED', detail: 'EIO', hint: 'again' });
        return failures === 0;
      },
    });
    await using server = await startScriptedServer(tus);
    const { result, exitCode } = await pushLarge(server);
    expect({ exitCode, status: result?.status }).toEqual({ exitCode: 0, status: 'created' });
    expect(server.seen.at(-1)).toMatchObject({ method: 'PATCH', receivedBytes: 1 });
  });

  it.each([['PACKAGE_CONFLICT'], ['BATCH_COMMITTED']])(
    'that is refused with 409 %s is not sent again',
    async (code) => {
      const last = createFakeTus({
        last: ({ answer }) => {
          answer(409, { code, detail: 'no', hint: 'no' });
          return true;
        },
      });
      await using server = await startScriptedServer(last);
      const { result, exitCode } = await pushLarge(server);
      expect(exitCode).toBe(1);
      expect(result).toMatchObject({ status: 'refused', attempts: 1, failure: { code } });
    },
  );

  it('asks for the offset when the service has another one', async () => {
    let isFirst = true;
    const tus = createFakeTus();
    await using server = await startScriptedServer(async (exchanged) => {
      if (exchanged.seen.method !== 'PATCH' || !isFirst) return tus(exchanged);
      isFirst = false;
      return exchanged.answer(409, { code: 'UPLOAD_OFFSET_WRONG', detail: 'no', hint: 'ask' });
    });
    expect((await pushLarge(server)).exitCode).toBe(0);
    expect(methods(server)).toBe('POST PATCH GET HEAD PATCH');
  });

  it.each([
    [404, 'NOT_FOUND'],
    [405, 'METHOD_NOT_ALLOWED'],
    [501, 'REQUEST_MALFORMED'],
    [429, 'QUOTA_REACHED'],
  ])('is sent with one PUT when resumable uploads are answered %i %s', async (status, code) => {
    await using server = await startScriptedServer(async ({ seen, answer, takeBody }) => {
      await takeBody();
      if (seen.method === 'POST') return answer(status, { code, detail: 'no', hint: 'no' });
      return answer(201, outcomeOf('0'.repeat(64), 'created'));
    });
    expect((await pushLarge(server)).exitCode).toBe(0);
    expect(methods(server)).toBe('POST PUT');
    expect(receivedBytes(server)).toBe(SIZE_BYTES);
  });

  it('does not carry its token to another host', async () => {
    await using other = await startScriptedServer(createFakeTus());
    await using server = await startScriptedServer(({ answer }) =>
      answer(201, undefined, { location: `${other.baseUrl}/upload/resumable/0` }),
    );
    const { result } = await pushLarge(server);
    expect(result).toMatchObject({ status: 'failed', attempts: 1, failure: { code: 'ANSWER_UNEXPECTED' } });
    expect(other.seen).toEqual([]);
  });

  it('says which offset it expected when the service does not go on', async () => {
    const tus = createFakeTus();
    await using server = await startScriptedServer(async (exchanged) => {
      if (exchanged.seen.method !== 'PATCH') return tus(exchanged);
      await exchanged.takeBody();
      return exchanged.answer(204, undefined, { 'upload-offset': '0' });
    });
    const { result } = await pushLarge(server);
    expect(result?.failure?.message).toBe(
      'expected an offset above 0 in the answer to a resumable upload, found 0',
    );
  });
});
