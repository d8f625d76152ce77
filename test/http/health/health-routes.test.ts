import { describe, expect, it, vi } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { packageFaultError } from '../../../src/indexing/package-faults.ts';
import { statusOf } from '../../support/repository-status.ts';
import { buildTestApp } from '../../support/test-app.ts';
import { repo } from '../../support/repo.ts';

const indexFailed = new AppError('INDEX_FAILED', 'exit code 1', { hint: 'look at the log' });
const engineMissing = new AppError('INDEX_ENGINE_MISSING', 'not installed', { hint: 'install it' });
const storageFull = new AppError('STORAGE_FULL', 'full', { hint: 'free some' });

describe('/healthz', () => {
  it('says that the process answers, whatever else is wrong', async () => {
    await using service = await buildTestApp({ faults: { findUploadFault: async () => storageFull } });
    const answer = await service.app.inject('/healthz');
    expect(answer).toMatchObject({ statusCode: 200, body: 'OK\n' });
    expect(answer.headers['content-type']).toMatch(/^text\/plain/);
  });
});

describe('/readyz', () => {
  it('is ready when nothing is wrong', async () => {
    await using service = await buildTestApp({ api: { listStatus: () => [statusOf('9/x86_64')] } });
    const answer = await service.app.inject('/readyz');
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({ status: 'ready', faults: [] });
  });

  it('answers 503 when an upload would fail now, and everything that is wrong', async () => {
    await using service = await buildTestApp({
      faults: { findUploadFault: async () => storageFull, findIndexFault: async () => engineMissing },
    });
    const answer = await service.app.inject('/readyz');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toEqual({
      status: 'unavailable',
      faults: [
        { affects: 'uploads', code: 'STORAGE_FULL', detail: 'full', hint: 'free some' },
        { affects: 'indexes', code: 'INDEX_ENGINE_MISSING', detail: 'not installed', hint: 'install it' },
      ],
    });
  });

  it('is degraded, with 200, when only indexes cannot be built', async () => {
    await using service = await buildTestApp({
      faults: { findIndexFault: async () => engineMissing },
      api: {
        listStatus: () => [
          statusOf('9/aarch64', { state: 'failed', lastError: indexFailed }),
          statusOf('9/x86_64'),
        ],
      },
    });
    const answer = await service.app.inject('/readyz');
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({
      status: 'degraded',
      faults: [
        { affects: 'indexes', code: 'INDEX_ENGINE_MISSING', detail: 'not installed', hint: 'install it' },
        {
          affects: 'indexes',
          repository: '9/aarch64',
          code: 'INDEX_FAILED',
          detail: 'exit code 1',
          hint: 'look at the log',
        },
      ],
    });
  });

  it('is degraded while packages have faults, and as it is otherwise when that is unknown', async () => {
    const error = packageFaultError({
      count: 3,
      first: {
        repository: repo('9/x86_64'),
        location: 'Packages/a.rpm',
        identity: '1-2-3',
        code: 'PACKAGE_DAMAGED',
        reason: 'its sha256 is another one',
        sinceMs: 0,
      },
    });
    await using service = await buildTestApp({
      faults: { listPackageFaults: async () => [{ repository: repo('9/x86_64'), error }] },
    });
    expect((await service.app.inject('/readyz')).json()).toEqual({
      status: 'degraded',
      faults: [
        {
          affects: 'indexes',
          repository: '9/x86_64',
          code: 'PACKAGE_DAMAGED',
          detail: 'Packages/a.rpm: its sha256 is another one (and 2 more; "rpmyard verify" names them)',
          hint: expect.stringContaining('Upload the acknowledged package again'),
        },
      ],
    });
    const unreadable = (): never => {
      throw new Error('the records are damaged');
    };
    await using other = await buildTestApp({ faults: { listPackageFaults: unreadable } });
    expect((await other.app.inject('/readyz')).json()).toEqual({ status: 'ready', faults: [] });
  });

  it('names a question that could not be answered as a fault, with 503 when it is about uploads', async () => {
    const fail = async (): Promise<undefined> => Promise.reject(new Error('unexpected'));
    await using uploads = await buildTestApp({ faults: { findUploadFault: fail } });
    const unavailable = await uploads.app.inject('/readyz');
    expect(unavailable.statusCode).toBe(503);
    expect(unavailable.json()).toMatchObject({ faults: [{ affects: 'uploads', code: 'INTERNAL' }] });
    await using indexes = await buildTestApp({ faults: { findIndexFault: fail } });
    expect((await indexes.app.inject('/readyz')).json()).toMatchObject({
      status: 'degraded',
      faults: [{ affects: 'indexes', code: 'INTERNAL' }],
    });
  });

  it('says that the disk does not answer, and does not ask again while the question hangs', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
    const hung = Promise.withResolvers<undefined>();
    const findUploadFault = vi.fn(() => hung.promise);
    await using service = await buildTestApp({ faults: { findUploadFault, limitMs: 20 } });
    const first = await service.app.inject('/readyz');
    expect(first.statusCode).toBe(503);
    expect(first.json()).toMatchObject({
      status: 'unavailable',
      faults: [
        { affects: 'uploads', code: 'STORAGE_FAILED', detail: 'the disk did not answer within 0.02 s' },
      ],
    });
    clock.mockReturnValue(600_000);
    expect((await service.app.inject('/metrics')).body).toMatch(/^rpmyard_faults\{.*STORAGE_FAILED.*\} 1$/m);
    expect((await service.app.inject('/readyz')).statusCode).toBe(503);
    expect(findUploadFault).toHaveBeenCalledTimes(1);

    hung.resolve(undefined);
    await hung.promise;
    expect((await service.app.inject('/readyz')).statusCode).toBe(200);
    expect(findUploadFault).toHaveBeenCalledTimes(1);
    clock.mockReturnValue(602_000);
    expect((await service.app.inject('/readyz')).statusCode).toBe(200);
    expect(findUploadFault).toHaveBeenCalledTimes(2);
    clock.mockRestore();
  });

  it('gives those who ask before there is an answer the same one', async () => {
    const asked = Promise.withResolvers<undefined>();
    const findUploadFault = vi.fn(() => asked.promise);
    const findIndexFault = vi.fn(async () => undefined);
    await using service = await buildTestApp({ faults: { findUploadFault, findIndexFault } });
    const first = service.app.inject('/readyz');
    const second = service.app.inject('/metrics');
    await vi.waitFor(() => expect(findIndexFault).toHaveBeenCalledTimes(2));
    asked.resolve(undefined);
    expect((await first).statusCode).toBe(200);
    expect((await second).statusCode).toBe(200);
    expect(findUploadFault).toHaveBeenCalledTimes(1);
  });

  it('asks anew after a second, and gives those who ask meanwhile the same answer', async () => {
    const faults = [storageFull, undefined];
    const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
    await using service = await buildTestApp({ faults: { findUploadFault: async () => faults.shift() } });
    expect((await service.app.inject('/readyz')).statusCode).toBe(503);
    expect((await service.app.inject('/readyz')).statusCode).toBe(503);
    clock.mockReturnValue(1_001);
    expect((await service.app.inject('/readyz')).statusCode).toBe(200);
    clock.mockRestore();
  });
});
