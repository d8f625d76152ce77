import { describe, expect, it } from 'vitest';
import { createAccess } from '../../../src/trust/access.ts';
import { hashToken, newToken } from '../../../src/trust/token-hash.ts';
import { AppError } from '../../../src/errors.ts';
import { statusOf } from '../../support/repository-status.ts';
import { buildTestApp, outcomeOf, type TestAppOptions } from '../../support/test-app.ts';
import { repo } from '../../support/repo.ts';

const FAILED = new AppError('INDEX_FAILED', 'exit code 1', { hint: 'look at the log' });
const SHA = 'ab'.repeat(32);
const known = outcomeOf('package', { outcome: 'known', sha256: SHA });
const [waitingPlace] = known.places;
const published = {
  ...known,
  places: waitingPlace === undefined ? [] : [{ ...waitingPlace, state: 'published' as const }],
};

const twoRepositories: TestAppOptions['api'] = {
  listStatus: () => [
    statusOf('9/aarch64', {
      state: 'failed',
      published: undefined,
      lastError: FAILED,
      waitingSinceMs: Date.UTC(2025, 0, 1),
    }),
    statusOf('9/x86_64'),
  ],
};

describe('GET /api/v1/repositories', () => {
  it('says of each what it holds and what it is up to', async () => {
    await using service = await buildTestApp({ api: twoRepositories });
    const answer = await service.app.inject('/api/v1/repositories');
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.json()).toEqual({
      repositories: [
        {
          repository: '9/aarch64',
          state: 'failed',
          packageCount: 0,
          revision: null,
          progress: null,
          waitingSince: '2025-01-01T00:00:00.000Z',
          lastError: { code: 'INDEX_FAILED', detail: 'exit code 1', hint: 'look at the log' },
        },
        {
          repository: '9/x86_64',
          state: 'clean',
          packageCount: 3,
          revision: '1700000000',
          progress: null,
          waitingSince: null,
          lastError: null,
        },
      ],
    });
  });

  it('is an empty list in an empty tree', async () => {
    await using service = await buildTestApp();
    expect((await service.app.inject('/api/v1/repositories')).json()).toEqual({ repositories: [] });
  });
});

describe('GET of one repository', () => {
  it('says also what is set aside in it, and why', async () => {
    await using service = await buildTestApp({
      api: {
        ...twoRepositories,
        listSetAside: async (repository) => [
          { repository, location: 'Packages/a.rpm', identity: '1-2-3', reason: 'bad text', sinceMs: 0 },
        ],
      },
    });
    const answer = await service.app.inject('/api/v1/repositories/9/x86_64');
    expect(answer.json()).toEqual({
      repository: '9/x86_64',
      state: 'clean',
      packageCount: 3,
      revision: '1700000000',
      progress: null,
      waitingSince: null,
      lastError: null,
      packageFaults: [],
      setAside: [
        {
          location: 'Packages/a.rpm',
          identity: '1-2-3',
          reason: 'bad text',
          since: '1970-01-01T00:00:00.000Z',
        },
      ],
    });
  });

  it.each([
    '/api/v1/repositories/9/none',
    '/api/v1/repositories/9',
    '/api/v1/repositories/..%2f9/x86_64',
    '/api/v1/repositories/__proto__/constructor',
  ])('%s answers 404 when there is none', async (url) => {
    await using service = await buildTestApp({ api: twoRepositories });
    const answer = await service.app.inject({ url, headers: { accept: 'application/json' } });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({ code: 'NOT_FOUND', hint: expect.any(String) });
  });
});

describe('POST .../reindex?full=1', () => {
  it('reads everything again, and without it only what changed; with ?takeOver=1 it says yes to what would leave', async () => {
    const requests: object[] = [];
    await using service = await buildTestApp({
      api: { ...twoRepositories, reindexNow: async (_, request) => void requests.push(request) },
    });
    const url = '/api/v1/repositories/9/x86_64/reindex';
    await service.app.inject({ method: 'POST', url: `${url}?full=1` });
    await service.app.inject({ method: 'POST', url });
    await service.app.inject({ method: 'POST', url: `${url}?takeOver=1` });
    expect(requests).toEqual([
      { trust: 'nothing', isTakeOver: false },
      { trust: 'files', isTakeOver: false },
      { trust: 'files', isTakeOver: true },
    ]);
  });
});

describe('GET .../packages', () => {
  it('lists what was uploaded to a repository', async () => {
    const receipt = {
      repository: repo('9/x86_64'),
      location: 'Packages/a.rpm',
      sha256: 'ab',
      nevra: 'a-1-1.noarch',
      sizeBytes: 7,
      placedAtMs: 0,
      publishedAtMs: undefined,
    };
    await using service = await buildTestApp({
      api: {
        ...twoRepositories,
        receiptsAfter: async (_repository, location) => (location === '' ? [receipt] : []),
      },
    });
    const answer = await service.app.inject('/api/v1/repositories/9/x86_64/packages');
    expect(answer.json()).toEqual({
      repository: '9/x86_64',
      packages: [
        {
          location: 'Packages/a.rpm',
          nevra: 'a-1-1.noarch',
          sha256: 'ab',
          sizeBytes: 7,
          placedAt: '1970-01-01T00:00:00.000Z',
          publishedAt: null,
        },
      ],
    });
    expect((await service.app.inject('/api/v1/repositories/9/none/packages')).statusCode).toBe(404);
  });

  it.each([0, 1, 5])('is one document, of %i pieces', async (count) => {
    const receipts = Array.from({ length: count }, (_, index) => ({
      repository: repo('9/x86_64'),
      location: `Packages/${index}.rpm`,
      sha256: 'ab',
      nevra: `${index}-1-1.noarch`,
      sizeBytes: 7,
      placedAtMs: 0,
      publishedAtMs: undefined,
    }));
    await using service = await buildTestApp({
      api: {
        ...twoRepositories,
        receiptsAfter: async (_, last) => receipts.filter(({ location }) => location > last).slice(0, 1),
      },
    });
    const { packages } = (await service.app.inject('/api/v1/repositories/9/x86_64/packages')).json();
    expect(packages).toMatchObject(receipts.map(({ location }) => ({ location })));
  });
});

describe('POST .../reindex', () => {
  const url = '/api/v1/repositories/9/x86_64/reindex';

  it('requests a run and answers 202 at once', async () => {
    const requested: string[] = [];
    await using service = await buildTestApp({
      api: {
        ...twoRepositories,
        reindexNow: async (repository) => void requested.push(repository),
        whenPublished: () => Promise.reject(new Error('asked')),
      },
    });
    const answer = await service.app.inject({ method: 'POST', url });
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toMatchObject({ repository: '9/x86_64' });
    expect(requested).toEqual(['9/x86_64']);
  });

  it.each([
    ['published', 200],
    ['pending', 202],
  ] as const)('with ?wait= answers when it is %s: %i', async (result, status) => {
    const events: unknown[] = [];
    await using service = await buildTestApp({
      api: {
        ...twoRepositories,
        reindexNow: async () => void events.push('requested'),
        whenPublished: async (_, waitMs) => {
          events.push(waitMs);
          return result;
        },
      },
    });
    const answer = await service.app.inject({ method: 'POST', url: `${url}?wait=7` });
    expect(answer.statusCode).toBe(status);
    expect(events).toEqual(['requested', 7_000]);
  });

  it('answers the code of a run that failed', async () => {
    await using service = await buildTestApp({
      api: { ...twoRepositories, whenPublished: () => Promise.reject(FAILED) },
    });
    const answer = await service.app.inject({ method: 'POST', url: `${url}?wait=7` });
    expect(answer.statusCode).toBe(503);
    expect(answer.body).toMatch(/^ERROR INDEX_FAILED: /);
  });

  it('refuses a body of a type that it does not take', async () => {
    await using service = await buildTestApp({ api: twoRepositories });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await service.app.inject({ method: 'POST', url, headers, payload: 'a=b' });
    expect(answer.statusCode).toBe(415);
    expect(answer.body).toMatch(/^ERROR CONTENT_TYPE_WRONG: /);
  });

  it.each([
    ['POST', '/api/v1/repositories/9/none/reindex', 404, 'NOT_FOUND'],
    ['POST', `${url}?wait=51`, 400, 'PARAMETER_INVALID'],
    ['POST', `${url}?wait=1&wait=2`, 400, 'PARAMETER_INVALID'],
    ['POST', `${url}?full=0`, 400, 'PARAMETER_INVALID'],
    ['POST', `${url}?ful=1`, 400, 'PARAMETER_INVALID'],
    ['GET', url, 404, 'NOT_FOUND'],
  ] as const)('%s %s answers %i %s and requests nothing', async (method, target, status, code) => {
    const requested: string[] = [];
    await using service = await buildTestApp({
      api: {
        ...twoRepositories,
        reindexNow: async (repository) => {
          if (repository === '9/none') throw new AppError('NOT_FOUND', 'there is none', { hint: 'look' });
          requested.push(repository);
        },
      },
    });
    const answer = await service.app.inject({ method, url: target });
    expect(answer.statusCode).toBe(status);
    expect(answer.body).toMatch(new RegExp(`^ERROR ${code}: `));
    expect(requested).toEqual([]);
  });
});

describe('GET /api/v1/uploads/<sha256>', () => {
  const api = (fields: TestAppOptions['api'] = {}): TestAppOptions => ({
    api: { describeUpload: async (sha256) => (sha256 === SHA ? known : undefined), ...fields },
  });

  it('answers 202 while a repository has not published it', async () => {
    await using service = await buildTestApp(api());
    const answer = await service.app.inject(`/api/v1/uploads/${SHA}`);
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toEqual(known);
  });

  it('answers 200 when all have, whatever the case of the digest', async () => {
    await using service = await buildTestApp(
      api({ describeUpload: async (sha256) => (sha256 === SHA ? published : undefined) }),
    );
    for (const sha256 of [SHA, SHA.toUpperCase()]) {
      const answer = await service.app.inject(`/api/v1/uploads/${sha256}`);
      expect(answer.statusCode).toBe(200);
      expect(answer.json()).toEqual(published);
    }
  });

  it.each([
    ['in time', published, 200],
    ['not in time', 'pending', 202],
  ] as const)('with ?wait= answers when it is published, %s', async (_, settled, status) => {
    const waits: number[] = [];
    await using service = await buildTestApp(
      api({
        waitUntilInstallable: async (outcome, waitMs) => {
          expect(outcome).toEqual(known);
          waits.push(waitMs);
          return settled;
        },
      }),
    );
    const answer = await service.app.inject(`/api/v1/uploads/${SHA}?wait=3`);
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toEqual(status === 200 ? published : known);
    expect(waits).toEqual([3_000]);
  });

  it('answers the code of a package that was set aside', async () => {
    const aside = new AppError('PACKAGE_SET_ASIDE', 'bad text', { hint: 'build it again' });
    await using service = await buildTestApp(api({ waitUntilInstallable: () => Promise.reject(aside) }));
    const answer = await service.app.inject(`/api/v1/uploads/${SHA}?wait=3`);
    expect(answer.statusCode).toBe(422);
    expect(answer.body).toMatch(/^ERROR PACKAGE_SET_ASIDE: /);
  });

  it.each(['cd'.repeat(32), 'x', '..%2f', '__proto__', "';DROP TABLE receipt;--", '%00'])(
    'answers 404 for %s, which no client sent',
    async (sha256) => {
      await using service = await buildTestApp(api());
      const answer = await service.app.inject(`/api/v1/uploads/${sha256}`);
      expect(answer.statusCode).toBe(404);
      expect(answer.body).toMatch(/^ERROR NOT_FOUND: /);
    },
  );

  it('refuses a wait that is none', async () => {
    await using service = await buildTestApp(api());
    expect((await service.app.inject(`/api/v1/uploads/${SHA}?wait=x`)).statusCode).toBe(400);
  });
});

describe('a client that waits with GET', () => {
  const UPLOADER = newToken();
  const OTHER = newToken();
  const READER = newToken();

  /** The repositories whose quiet time ended with this request. */
  async function hurriedBy(
    url: string,
    publicRead: readonly string[],
    authorization?: string,
    origin?: string,
  ) {
    const hurried: string[] = [];
    await using service = await buildTestApp({
      access: createAccess({
        tokens: [
          { name: 'ci', hash: hashToken(UPLOADER), upload: ['9/x86_64'] },
          { name: 'other', hash: hashToken(OTHER), upload: ['10/*'], read: ['*'] },
          { name: 'reader', hash: hashToken(READER), read: ['*'] },
        ],
        keys: [],
        requireCredentials: false,
        publicRead,
        localToken: newToken(),
        nonces: { isNonceUsed: async () => false, useNonce: async () => true },
        now: Date.now,
      }),
      api: {
        ...twoRepositories,
        describeUpload: async () => known,
        endQuietTime: (names) => void hurried.push(...names),
      },
    });
    const headers = {
      ...(authorization !== undefined && { authorization }),
      ...(origin !== undefined && { origin }),
    };
    const { statusCode } = await service.app.inject({ url, headers });
    return { statusCode, hurried };
  }

  describe.each(['/api/v1/repositories/9/x86_64?wait=1', `/api/v1/uploads/${SHA}?wait=1`])('%s', (url) => {
    it.each([
      ['every client may read', ['*']],
      ['reading is restricted', []],
    ])('ends the quiet time when it may upload there, where %s', async (_, publicRead) => {
      const { hurried } = await hurriedBy(url, publicRead, `Bearer ${UPLOADER}`);
      expect(hurried).toEqual(['9/x86_64']);
    });

    it('only waits when a page of another site asks with the password that a browser keeps', async () => {
      const { hurried } = await hurriedBy(url, [], `Bearer ${UPLOADER}`, 'https://elsewhere.example');
      expect(hurried).toEqual([]);
    });

    it.each([
      ['that sends no credentials', undefined],
      ['whose token is wrong', `Bearer ${newToken()}`],
      ['that may only read', `Bearer ${READER}`],
      ['that may upload elsewhere', `Bearer ${OTHER}`],
    ])('only waits for a client %s', async (_, authorization) => {
      const { statusCode, hurried } = await hurriedBy(url, ['*'], authorization);
      expect([200, 202]).toContain(statusCode);
      expect(hurried).toEqual([]);
    });
  });

  it.each([
    '/api/v1/repositories',
    '/api/v1/repositories/9/aarch64',
    '/api/v1/repositories/9/aarch64?wait=1',
  ])(
    'is told with %s what tools of the server said of a failed run only when it may upload there',
    async (url) => {
      const access = createAccess({
        tokens: [{ name: 'ci', hash: hashToken(UPLOADER), upload: ['9/*'] }],
        keys: [],
        requireCredentials: false,
        publicRead: ['*'],
        localToken: newToken(),
        nonces: { isNonceUsed: async () => false, useNonce: async () => true },
        now: Date.now,
      });
      await using service = await buildTestApp({
        access,
        api: { ...twoRepositories, whenPublished: () => Promise.reject(FAILED) },
      });
      const told = (headers: Record<string, string>) =>
        service.app.inject({ url, headers: { accept: 'application/json', ...headers } });
      const [reader, uploader] = [await told({}), await told({ authorization: `Bearer ${UPLOADER}` })];
      expect(reader.statusCode).toBe(uploader.statusCode);
      expect(reader.body).toContain('INDEX_FAILED');
      expect(reader.body).not.toContain('exit code 1');
      expect(uploader.body).toContain('exit code 1');
    },
  );

  it('shows nothing by a plain signature, which is of a file', async () => {
    const hurried: string[] = [];
    await using service = await buildTestApp({
      access: createAccess({
        tokens: [],
        keys: [{ id: 'old', secret: Buffer.alloc(32), allow_plain_signature: true, upload: ['*'] }],
        requireCredentials: false,
        publicRead: ['*'],
        localToken: newToken(),
        nonces: { isNonceUsed: async () => false, useNonce: async () => true },
        now: Date.now,
      }),
      api: { ...twoRepositories, endQuietTime: (names) => void hurried.push(...names) },
    });
    const headers = { 'x-signature': `sha1=${'0'.repeat(40)}` };
    await service.app.inject({ url: '/api/v1/repositories/9/x86_64?wait=1', headers });
    expect(hurried).toEqual([]);
  });
});
