import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { InjectOptions } from 'fastify';
import { describe, expect, it, vi } from 'vitest';
import { AppError, ERROR_STATUS, type ErrorCode } from '../../../src/errors.ts';
import type { UploadPlace } from '../../../src/api/upload-outcome.ts';
import { buildTestApp, outcomeOf, type TestApp, type TestAppOptions } from '../../support/test-app.ts';
import { repo } from '../../support/repo.ts';

const JSON_WANTED = { accept: 'application/json' };
const SPOOL_HEADER = 'x-package-name';
const BOUNDARY = 'boundary';
/** For what happens soon, but on its own. */
const PATIENTLY = { interval: 5, timeout: 20_000 };

const put = (options: InjectOptions = {}): InjectOptions => ({
  method: 'PUT',
  url: '/upload',
  payload: 'package',
  ...options,
  headers: { 'content-type': 'application/octet-stream', ...options.headers },
});

const PUT_WITHOUT_BODY: InjectOptions = { method: 'PUT', url: '/upload' };

interface Part {
  /** Default `file`. */
  readonly field?: string;
  readonly fileName?: string;
  readonly content: string;
}

const A: Part = { fileName: 'a.rpm', content: 'a' };
const B: Part = { fileName: 'b.rpm', content: 'b' };
const RELEASEVER: Part = { field: 'releasever', content: '9' };

function formBody(parts: readonly Part[]): string {
  const sections = parts.map(({ field = 'file', fileName, content }) => {
    const file = fileName === undefined ? '' : `; filename="${fileName}"`;
    return `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${field}"${file}\r\n\r\n${content}\r\n`;
  });
  return `${sections.join('')}--${BOUNDARY}--\r\n`;
}

const post = (parts: readonly Part[], options: InjectOptions = {}): InjectOptions => ({
  method: 'POST',
  url: '/upload',
  payload: formBody(parts),
  ...options,
  headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, ...options.headers },
});

/** An ingest that answers by what the body says: `refuse`, `unchanged`, or created. */
const byContent: TestAppOptions = {
  upload: {
    ingest: async ({ path, sizeBytes }) => {
      const content = await readFile(path, 'utf8');
      if (content === 'refuse') throw new AppError('RPM_MALFORMED', 'no package', { hint: 'send another' });
      if (content === 'full') throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'link' });
      if (content === 'break') throw new Error('a secret of ours');
      return outcomeOf(content, { outcome: content === 'unchanged' ? 'unchanged' : 'created', sizeBytes });
    },
  },
};

async function expectNothingLeft({ spoolDir, incomingDir }: TestApp): Promise<void> {
  await expect.poll(() => readdir(incomingDir), PATIENTLY).toEqual([]);
  expect((await readdir(spoolDir)).filter((name) => name.endsWith('.part'))).toEqual([]);
}

describe('PUT of a package', () => {
  it.each(['/upload', '/upload/', '/upload/pkg-1.0-1.el9.x86_64.rpm', '/upload/a%20b.rpm'])(
    'to %s answers 201 and where it is',
    async (url) => {
      await using service = await buildTestApp();
      const answer = await service.app.inject(put({ url }));
      expect(answer.statusCode).toBe(201);
      expect(answer.headers['content-type']).toMatch(/^text\/plain/);
      expect(answer.body).toBe(
        'OK - Accessible as http://repo.example.com/repo/9/x86_64/Packages/example-1.0-1.el9.x86_64.rpm - in the index of 9/x86_64 in about 30 s, ?wait=30 waits\n',
      );
      expect(service.uploads).toMatchObject([{ content: 'package', sizeBytes: 7, releasever: undefined }]);
      await expectNothingLeft(service);
    },
  );

  it('says of every repository in which index the package is, will be, or is not', async () => {
    const place = (basearch: string, state: UploadPlace['state'], reason?: string): UploadPlace => ({
      repository: repo(`9/${basearch}`),
      location: 'Packages/a.rpm',
      url: `http://host/${basearch}`,
      state,
      ...(reason !== undefined && { reason }),
    });
    const places = [
      place('x86_64', 'published'),
      place('aarch64', 'waiting'),
      place('s390x', 'waiting'),
      place('ppc64le', 'set-aside', 'too\nlong'),
    ];
    await using service = await buildTestApp({
      upload: { ingest: async () => outcomeOf('package', { places }) },
    });
    expect((await service.app.inject(put())).body).toBe(
      'OK - Accessible as http://host/x86_64 - in the index of 9/x86_64; ' +
        'in the index of 9/aarch64, 9/s390x in about 30 s, ?wait=30 waits; ' +
        'kept out of the index of 9/ppc64le: too\\u000along\n',
    );
  });

  it.each([
    ['wait=1&wait=2', 'the parameter wait is given more than once'],
    ['wiat=1', 'there is no parameter wiat'],
  ])('with ?%s is refused: %s', async (query, detail) => {
    await using service = await buildTestApp();
    const answer = await service.app.inject(put({ url: `/upload?${query}`, headers: JSON_WANTED }));
    expect(answer.json()).toMatchObject({ status: 400, code: 'PARAMETER_INVALID', detail });
  });

  it('with a Content-Type that cannot be read is refused as such', async () => {
    await using service = await buildTestApp();
    const answer = await service.app.inject(put({ headers: { ...JSON_WANTED, 'content-type': 'garbage' } }));
    expect(answer.json()).toMatchObject({ status: 415, code: 'CONTENT_TYPE_WRONG' });
  });

  it('says below the line of the package what there is to warn of', async () => {
    const warnings = [{ code: 'TEXT_NOT_XML' as const, tag: 'SUMMARY', text: 'SUMMARY holds something' }];
    await using service = await buildTestApp({
      upload: { ingest: async () => outcomeOf('a', { warnings }) },
    });
    const answer = await service.app.inject(put());
    expect(answer.body).toMatch(/^OK - .*\nWARNING - TEXT_NOT_XML: SUMMARY holds something\n$/);
    const json = await service.app.inject(put({ headers: JSON_WANTED }));
    expect(json.json()).toMatchObject({ warnings });
    const form = await service.app.inject(post([{ fileName: 'a.rpm', content: 'a' }]));
    expect(form.body).toContain('WARNING - TEXT_NOT_XML');
  });

  it('answers 200 when it was there', async () => {
    await using service = await buildTestApp(byContent);
    expect((await service.app.inject(put({ payload: 'unchanged' }))).statusCode).toBe(200);
  });

  it('answers JSON to who asks for it', async () => {
    await using service = await buildTestApp();
    const answer = await service.app.inject(put({ headers: JSON_WANTED }));
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.json()).toEqual(outcomeOf('package'));
  });

  it('hands on the sha256 that was computed on the way in', async () => {
    await using service = await buildTestApp();
    await service.app.inject(put());
    const sha256 = createHash('sha256').update('package').digest('hex');
    expect(service.uploads).toMatchObject([{ sha256 }]);
  });

  it('hands on the digests and the releasever that the client sent', async () => {
    await using service = await buildTestApp();
    const hex = 'ab'.repeat(32);
    await service.app.inject(put({ url: '/upload?releasever=9', headers: { 'x-checksum-sha256': hex } }));
    expect(service.uploads).toMatchObject([
      { releasever: '9', expectedDigests: [{ algorithm: 'sha256', hex, header: 'x-checksum-sha256' }] },
    ]);
  });

  it.each(['application/x-rpm', 'text/plain', 'application/json', 'application/x-www-form-urlencoded'])(
    'does not care for the content type %s',
    async (contentType) => {
      await using service = await buildTestApp();
      const answer = await service.app.inject(put({ headers: { 'content-type': contentType } }));
      expect(answer.statusCode).toBe(201);
      expect(service.uploads).toMatchObject([{ content: 'package' }]);
    },
  );

  it.each([
    ['RPM_MALFORMED', 400, 'refuse'],
    ['STORAGE_FULL', 507, 'full'],
    ['INTERNAL', 500, 'break'],
  ])('answers %s with %i, and leaves nothing behind', async (code, status, payload) => {
    await using service = await buildTestApp(byContent);
    const answer = await service.app.inject(put({ payload }));
    expect(answer.statusCode).toBe(status);
    expect(answer.body).toMatch(new RegExp(`^ERROR ${code}: [^\\n]+ \\([^\\n]+\\)\\n$`));
    expect(answer.body).not.toContain('secret');
    const document = await service.app.inject(put({ payload, headers: JSON_WANTED }));
    expect(document.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(document.json()).toMatchObject({
      code,
      status,
      type: 'about:blank',
      requestId: expect.any(String),
    });
    expect(service.counted).toEqual([
      [code, 0],
      [code, 0],
    ]);
    await expectNothingLeft(service);
  });

  it('has the cause of a fault of ours in the log, under the request id of the answer', async () => {
    await using service = await buildTestApp(byContent);
    const answer = await service.app.inject(put({ payload: 'break', headers: JSON_WANTED }));
    const { requestId } = answer.json();
    const line = service.logLines.find((each) => each.includes('a secret of ours'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 50, reqId: requestId });
  });

  it('counts what came of it', async () => {
    await using service = await buildTestApp(byContent);
    for (const payload of ['new', 'unchanged', 'refuse']) await service.app.inject(put({ payload }));
    await service.app.inject(PUT_WITHOUT_BODY);
    expect(service.counted).toEqual([
      ['created', 3],
      ['unchanged', 9],
      ['RPM_MALFORMED', 0],
      ['EMPTY_BODY', 0],
    ]);
  });

  it('removes its file in incoming after the answer, not before', async () => {
    const seen: (readonly string[])[] = [];
    await using service = await buildTestApp({
      upload: {
        waitUntilInstallable: async (outcome) => {
          seen.push(await readdir(service.incomingDir), service.removed.map(String));
          return outcome;
        },
      },
    });
    await service.app.inject(put({ url: '/upload?wait=1' }));
    expect(seen).toEqual([[expect.any(String)], []]);
    await expectNothingLeft(service);
  });
});

describe('the batch of an upload', () => {
  it.each<[string, InjectOptions]>([
    ['a PUT', put({ url: '/upload?batch=tag-1' })],
    ['a PUT with a file name', put({ url: '/upload/x.rpm?releasever=9&batch=tag-1' })],
    [
      'a PUT that names it in the header too',
      put({ url: '/upload?batch=tag-1', headers: { 'x-batch': 'tag-1' } }),
    ],
    ['a PUT with the header', put({ headers: { 'x-batch': 'tag-1' } })],
    ['a form', post([{ fileName: 'a.rpm', content: 'a' }], { url: '/upload?batch=tag-1' })],
    [
      'a form with the header',
      post([{ fileName: 'a.rpm', content: 'a' }], { headers: { 'x-batch': 'tag-1' } }),
    ],
  ])('is what the URL of %s names', async (_, request) => {
    await using service = await buildTestApp();
    expect((await service.app.inject(request)).statusCode).toBe(201);
    expect(service.uploads).toMatchObject([{ batch: 'tag-1' }]);
  });
});

describe('a refused PUT', () => {
  it.each<[string, InjectOptions, ErrorCode]>([
    ['without a body', PUT_WITHOUT_BODY, 'EMPTY_BODY'],
    ['with an empty body', put({ payload: '' }), 'EMPTY_BODY'],
    ['above the limit', put({ payload: 'x'.repeat(1_000_001) }), 'UPLOAD_TOO_LARGE'],
    ['with a digest that cannot be read', put({ headers: { 'content-digest': 'x' } }), 'DIGEST_INVALID'],
    ['with ?wait=51', put({ url: '/upload?wait=51' }), 'PARAMETER_INVALID'],
    ['with ?wait=soon', put({ url: '/upload?wait=soon' }), 'PARAMETER_INVALID'],
    ['with ?wait=', put({ url: '/upload?wait=' }), 'PARAMETER_INVALID'],
    ['with two waits', put({ url: '/upload?wait=1&wait=2' }), 'PARAMETER_INVALID'],
    ['with two releasevers', put({ url: '/upload?releasever=8&releasever=9' }), 'PARAMETER_INVALID'],
    ['with two batches', put({ url: '/upload?batch=a', headers: { 'x-batch': 'b' } }), 'PARAMETER_INVALID'],
    ['with a batch of a bad name', put({ url: '/upload?batch=..%2fx' }), 'PARAMETER_INVALID'],
    ['with a batch without a name', put({ url: '/upload?batch=' }), 'PARAMETER_INVALID'],
    ['with a batch and a wait', put({ url: '/upload?batch=a&wait=5' }), 'PARAMETER_INVALID'],
    ['to a folder', put({ url: '/upload/folder/pkg.rpm' }), 'UPLOAD_PATH_RESERVED'],
    ['to an encoded folder', put({ url: '/upload/..%2fpkg.rpm' }), 'UPLOAD_PATH_RESERVED'],
    ['to a name that is no package', put({ url: '/upload/repomd.xml' }), 'UPLOAD_PATH_RESERVED'],
    ['to another path', put({ url: '/uploads' }), 'NOT_FOUND'],
    ['to a repository', put({ url: '/repo/9/x86_64/pkg.rpm' }), 'METHOD_NOT_ALLOWED'],
  ])('%s gets its code and reaches no handler', async (_, request, code) => {
    await using service = await buildTestApp();
    const answer = await service.app.inject(request);
    expect(answer.body).toMatch(new RegExp(`^ERROR ${code}: `));
    expect(answer.statusCode).toBe(ERROR_STATUS[code]);
    expect(service.uploads).toEqual([]);
    await expectNothingLeft(service);
  });
});

describe('other methods', () => {
  it.each(['GET', 'HEAD', 'DELETE', 'PATCH'] as const)(
    '%s answers 405 and says what is allowed',
    async (method) => {
      await using service = await buildTestApp();
      for (const url of ['/upload', '/upload/']) {
        const answer = await service.app.inject({ method, url });
        expect(answer.statusCode).toBe(405);
        expect(answer.headers['allow']).toBe('PUT, POST');
        expect(answer.body).toMatch(method === 'HEAD' ? /^$/ : /^ERROR METHOD_NOT_ALLOWED: /);
      }
    },
  );
});

describe('?wait=', () => {
  const pending: TestAppOptions = { upload: { waitUntilInstallable: async () => 'pending' } };

  it('answers when hosts can install the package', async () => {
    const waits: number[] = [];
    const published = outcomeOf('package', { places: [] });
    await using service = await buildTestApp({
      upload: {
        waitUntilInstallable: async (_, waitMs) => {
          waits.push(waitMs);
          return published;
        },
      },
    });
    const answer = await service.app.inject(put({ url: '/upload?wait=50', headers: JSON_WANTED }));
    expect(answer.statusCode).toBe(201);
    expect(answer.json()).toEqual(published);
    const [waitMs = 0] = waits;
    expect(waitMs).toBeLessThanOrEqual(50_000);
    expect(waitMs).toBeGreaterThan(40_000);
  });

  it('answers 202 and where to ask again when the time is up', async () => {
    await using service = await buildTestApp(pending);
    const answer = await service.app.inject(put({ url: '/upload?wait=0' }));
    expect(answer.statusCode).toBe(202);
    expect(answer.headers['location']).toBe(`/api/v1/uploads/${outcomeOf('package').sha256}`);
    expect(answer.body).toMatch(/^WAITING - /);
  });

  it('answers the code of an index run that failed, with the package kept', async () => {
    await using service = await buildTestApp({
      upload: {
        waitUntilInstallable: () =>
          Promise.reject(new AppError('INDEX_FAILED', 'exit code 1', { hint: 'look at the log' })),
      },
    });
    const answer = await service.app.inject(put({ url: '/upload?wait=5' }));
    expect(answer.statusCode).toBe(503);
    expect(answer.body).toContain('INDEX_FAILED');
    expect(service.counted).toEqual([['created', 7]]);
  });

  it('is not asked without the parameter', async () => {
    await using service = await buildTestApp({
      upload: { waitUntilInstallable: () => Promise.reject(new Error('asked')) },
    });
    expect((await service.app.inject(put())).statusCode).toBe(201);
  });

  it('on a form of one file answers 202 and where to ask again', async () => {
    await using service = await buildTestApp(pending);
    const answer = await service.app.inject(
      post([{ fileName: 'a.rpm', content: 'a' }], { url: '/upload?wait=0' }),
    );
    expect(answer.statusCode).toBe(202);
    expect(answer.headers['location']).toBe(`/api/v1/uploads/${outcomeOf('a').sha256}`);
  });

  it('on a form waits for every file', async () => {
    await using service = await buildTestApp({
      upload: {
        waitUntilInstallable: async (outcome) => (outcome.sizeBytes === 1 ? outcome : 'pending'),
      },
    });
    const parts = [
      { fileName: 'a.rpm', content: 'a' },
      { fileName: 'bb.rpm', content: 'bb' },
    ];
    const answer = await service.app.inject(post(parts, { url: '/upload?wait=1', headers: JSON_WANTED }));
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toMatchObject({
      results: [
        { file: 'a.rpm', status: 201 },
        { file: 'bb.rpm', status: 202 },
      ],
    });
  });
});

describe('POST of a form', () => {
  it('with several files answers 201 and a line for each', async () => {
    await using service = await buildTestApp(byContent);
    const answer = await service.app.inject(
      post([
        { fileName: 'a.rpm', content: 'a' },
        { fileName: 'b.rpm', content: 'unchanged' },
      ]),
    );
    expect(answer.statusCode).toBe(201);
    expect(answer.body).toMatch(/^(OK - Accessible as [^\n]+\n){2}$/);
    await expectNothingLeft(service);
  });

  it('with nothing new answers 200', async () => {
    await using service = await buildTestApp(byContent);
    const answer = await service.app.inject(post([{ fileName: 'a.rpm', content: 'unchanged' }]));
    expect(answer.statusCode).toBe(200);
  });

  it('in which one of several is refused answers 207 with a result for each', async () => {
    await using service = await buildTestApp(byContent);
    const parts = [
      { fileName: 'a.rpm', content: 'a' },
      { fileName: 'bad.rpm', content: 'refuse' },
      { fileName: 'full.rpm', content: 'full' },
      { fileName: 'b.rpm', content: 'unchanged' },
    ];
    const lines = await service.app.inject(post(parts));
    expect(lines.statusCode).toBe(207);
    expect(lines.body.split('\n').map((line) => line.split(/[ :]/).slice(0, 2).join(' '))).toEqual([
      'OK -',
      'ERROR RPM_MALFORMED',
      'ERROR STORAGE_FULL',
      'OK -',
      '',
    ]);
    const document = await service.app.inject(post(parts, { headers: JSON_WANTED }));
    expect(document.statusCode).toBe(207);
    expect(document.json()).toMatchObject({
      results: [
        { file: 'a.rpm', status: 201, outcome: 'created' },
        { file: 'bad.rpm', status: 400, code: 'RPM_MALFORMED' },
        { file: 'full.rpm', status: 507, code: 'STORAGE_FULL' },
        { file: 'b.rpm', status: 200, outcome: 'unchanged' },
      ],
    });
    await expectNothingLeft(service);
  });

  it('whose only file is refused answers as a PUT would', async () => {
    await using service = await buildTestApp(byContent);
    const answer = await service.app.inject(post([{ fileName: 'bad.rpm', content: 'refuse' }]));
    expect(answer.statusCode).toBe(400);
    expect(answer.body).toMatch(/^ERROR RPM_MALFORMED: /);
  });

  it('with a file above the limit takes the others', async () => {
    await using service = await buildTestApp();
    const answer = await service.app.inject(
      post([
        { fileName: 'huge.rpm', content: 'x'.repeat(1_000_001) },
        { fileName: 'empty.rpm', content: '' },
        { fileName: 'small.rpm', content: 'x' },
      ]),
    );
    expect(answer.statusCode).toBe(207);
    expect(answer.body).toMatch(/^ERROR UPLOAD_TOO_LARGE.*\nERROR EMPTY_BODY.*\nOK .*\n$/);
    await expectNothingLeft(service);
  });

  it('with many files makes no noise about it', async () => {
    const warn = vi.spyOn(process, 'emitWarning');
    await using service = await buildTestApp();
    const parts = Array.from({ length: 30 }, (_, index) => ({ fileName: `${index}.rpm`, content: 'x' }));
    expect((await service.app.inject(post(parts))).statusCode).toBe(201);
    expect(service.uploads).toHaveLength(30);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
    await expectNothingLeft(service);
  });

  it('passes over fields that are no files', async () => {
    await using service = await buildTestApp();
    const answer = await service.app.inject(
      post([{ content: 'just text' }, { fileName: 'a.rpm', content: 'a' }, { content: 'more' }]),
    );
    expect(answer.statusCode).toBe(201);
    expect(service.uploads).toMatchObject([{ content: 'a' }]);
  });

  it.each(['../../etc/passwd', 'a\u202eb.rpm', '<script>.rpm', '__proto__', 'x'.repeat(5000)])(
    'does nothing with the file name %j but repeat it',
    async (fileName) => {
      await using service = await buildTestApp();
      const answer = await service.app.inject(post([{ fileName, content: 'a' }], { headers: JSON_WANTED }));
      expect(answer.statusCode).toBe(201);
      expect(service.uploads[0]?.path).toMatch(new RegExp(`^${service.incomingDir}/[0-9a-f-]{36}$`));
    },
  );

  it.each<[string, InjectOptions, ErrorCode]>([
    [
      'is another kind of form',
      post([{ fileName: 'a.rpm', content: 'a' }], {
        headers: { 'content-type': `multipart/mixed; boundary=${BOUNDARY}` },
      }),
      'MULTIPART_INVALID',
    ],
    ['has no file', post([]), 'EMPTY_BODY'],
    ['has fields only', post([{ content: 'x' }]), 'EMPTY_BODY'],
    [
      'has no boundary',
      post([], { headers: { 'content-type': 'multipart/form-data' } }),
      'MULTIPART_INVALID',
    ],
    [
      'breaks off',
      post([], { payload: formBody([{ fileName: 'a.rpm', content: 'half' }]).slice(0, -20) }),
      'MULTIPART_INVALID',
    ],
    [
      'asks to wait too long',
      post([{ fileName: 'a', content: 'a' }], { url: '/upload?wait=51' }),
      'PARAMETER_INVALID',
    ],
    ['goes to a file name', post([{ fileName: 'a', content: 'a' }], { url: '/upload/a.rpm' }), 'NOT_FOUND'],
  ])('that %s is refused', async (_, request, code) => {
    await using service = await buildTestApp();
    const answer = await service.app.inject(request);
    expect(answer.body).toMatch(new RegExp(`^ERROR ${code}: `));
    expect(answer.statusCode).toBe(ERROR_STATUS[code]);
    await expectNothingLeft(service);
  });

  it.each([
    ['before its files', [{ field: 'releasever', content: '9,8' }, A, B]],
    ['between its files', [A, { field: 'releasever', content: '9,8' }, B]],
    ['behind its files', [A, B, { field: 'releasever', content: '9,8' }]],
    ['twice alike', [{ field: 'releasever', content: '9,8' }, A, B, { field: 'releasever', content: '9,8' }]],
    [
      'beside an empty input',
      [{ field: 'releasever', content: '' }, A, B, { field: 'releasever', content: '9,8' }],
    ],
  ])('that says the releasever %s says it of all of them', async (_, parts) => {
    await using service = await buildTestApp();
    expect((await service.app.inject(post(parts))).statusCode).toBe(201);
    expect(service.uploads).toMatchObject([
      { content: 'a', releasever: '9,8' },
      { content: 'b', releasever: '9,8' },
    ]);
    await expectNothingLeft(service);
  });

  it('whose releasever is empty leaves it to the release tag', async () => {
    await using service = await buildTestApp();
    await service.app.inject(post([{ field: 'releasever', content: '' }, A]));
    expect(service.uploads).toMatchObject([{ releasever: undefined }]);
  });

  it.each<[string, InjectOptions]>([
    ['in two fields', post([{ field: 'releasever', content: '8' }, A, RELEASEVER])],
    ['in a field and the URL', post([A, RELEASEVER], { url: '/upload?releasever=8' })],
  ])('that names two releasevers %s is taken in no part', async (_, request) => {
    await using service = await buildTestApp();
    const answer = await service.app.inject(request);
    expect(answer.body).toMatch(/^ERROR PARAMETER_INVALID: /);
    expect(service.uploads).toEqual([]);
    expect(service.counted).toEqual([['PARAMETER_INVALID', 0]]);
    await expectNothingLeft(service);
  });

  it('that breaks off behind a whole file is taken in no part', async () => {
    await using service = await buildTestApp();
    const answer = await service.app.inject(post([], { payload: formBody([A, B]).slice(0, -20) }));
    expect(answer.body).toMatch(/^ERROR MULTIPART_INVALID: /);
    expect(service.uploads).toEqual([]);
    await expectNothingLeft(service);
  });

  it('with more than a thousand files is refused as too many', async () => {
    await using service = await buildTestApp();
    const parts = Array.from({ length: 1001 }, (_, index) => ({ fileName: `${index}.rpm`, content: 'x' }));
    const answer = await service.app.inject(post(parts));
    expect(answer.body).toMatch(/^ERROR MULTIPART_INVALID: /);
    expect(answer.statusCode).toBe(400);
    await expectNothingLeft(service);
  });
});

describe('a package or a form sent by the other method', () => {
  it.each([
    'application/x-www-form-urlencoded',
    'application/octet-stream',
    'application/x-rpm',
    'application/json',
    'text/plain',
    undefined,
  ])('is taken by what the body is: POST of a package of type %s', async (contentType) => {
    await using service = await buildTestApp();
    const headers = contentType === undefined ? {} : { 'content-type': contentType };
    for (const url of ['/upload', '/upload/?releasever=9']) {
      const answer = await service.app.inject({ method: 'POST', url, payload: 'package', headers });
      expect([answer.statusCode, answer.body]).toEqual([201, expect.stringMatching(/^OK - /)]);
    }
    expect(service.uploads).toMatchObject([{ content: 'package' }, { releasever: '9' }]);
    await expectNothingLeft(service);
  });

  it('keeps the digest that a POST of a package states', async () => {
    await using service = await buildTestApp();
    const hex = 'ab'.repeat(32);
    const headers = { 'x-checksum-sha256': hex };
    await service.app.inject({ method: 'POST', url: '/upload', payload: 'package', headers });
    expect(service.uploads).toMatchObject([{ expectedDigests: [{ hex }] }]);
  });

  it('is taken by what the body is: PUT of a form', async () => {
    await using service = await buildTestApp();
    for (const url of ['/upload', '/upload/a.rpm']) {
      const answer = await service.app.inject(post([A, RELEASEVER], { method: 'PUT', url }));
      expect([answer.statusCode, answer.body]).toEqual([201, expect.stringMatching(/^OK - /)]);
    }
    expect(service.uploads).toMatchObject([
      { content: 'a', releasever: '9' },
      { content: 'a', releasever: '9' },
    ]);
    await expectNothingLeft(service);
  });

  it('without a body is told so', async () => {
    await using service = await buildTestApp();
    const answer = await service.app.inject({ method: 'POST', url: '/upload' });
    expect(answer.body).toMatch(/^ERROR EMPTY_BODY: /);
  });
});

describe('behind an nginx that spools', () => {
  const spooling: TestAppOptions = { upload: { uploadHeader: SPOOL_HEADER } };

  it('the body is the file that the header names', async () => {
    await using service = await buildTestApp(spooling);
    const spooled = join(service.spoolDir, '0000000001');
    await writeFile(spooled, 'spooled package');
    const answer = await service.app.inject({
      method: 'PUT',
      url: '/upload',
      headers: { [SPOOL_HEADER]: spooled },
    });
    expect(answer.statusCode).toBe(201);
    expect(service.uploads).toMatchObject([{ content: 'spooled package', sha256: undefined }]);
    expect(service.uploads[0]?.path).toMatch(new RegExp(`^${service.incomingDir}/`));
    expect(await readdir(service.spoolDir)).toEqual(['0000000001']);
    await expectNothingLeft(service);
  });

  it.each(['/etc/passwd', '', '../x'])('a header that names %j is refused', async (path) => {
    await using service = await buildTestApp(spooling);
    const answer = await service.app.inject({
      method: 'PUT',
      url: '/upload',
      headers: { [SPOOL_HEADER]: path },
    });
    expect(answer.statusCode).toBe(400);
    expect(answer.body).toMatch(/^ERROR SPOOL_PATH_REFUSED: /);
    expect(answer.body).not.toContain('passwd');
    expect(service.counted).toEqual([['SPOOL_PATH_REFUSED', 0]]);
  });

  it('a body without the header is taken directly', async () => {
    await using service = await buildTestApp(spooling);
    await service.app.inject(put());
    expect(service.uploads).toMatchObject([{ content: 'package' }]);
  });

  it('a form that it spooled is taken out of its envelope', async () => {
    await using service = await buildTestApp(spooling);
    const spooled = join(service.spoolDir, '0000000001');
    const sendSpooled = async (body: string) => {
      await writeFile(spooled, body);
      const headers = { [SPOOL_HEADER]: spooled };
      return service.app.inject(post([], { method: 'PUT', payload: '', headers }));
    };
    expect((await sendSpooled(formBody([A, RELEASEVER]))).statusCode).toBe(201);
    expect(service.uploads).toMatchObject([{ content: 'a', releasever: '9' }]);
    expect((await sendSpooled(formBody([A]).slice(0, -20))).body).toMatch(/^ERROR MULTIPART_INVALID: /);
    expect((await sendSpooled('')).body).toMatch(/^ERROR EMPTY_BODY: /);
    expect(service.uploads).toHaveLength(1);
    expect(await readdir(service.spoolDir)).toEqual(['0000000001']);
    await expect.poll(() => readdir(service.incomingDir), PATIENTLY).toEqual([]);
  });

  it('the header means nothing on a form that is sent by POST', async () => {
    await using service = await buildTestApp(spooling);
    const answer = await service.app.inject(
      post([{ fileName: 'a.rpm', content: 'a' }], { headers: { [SPOOL_HEADER]: '/etc/passwd' } }),
    );
    expect(answer.statusCode).toBe(201);
    expect(service.uploads).toMatchObject([{ content: 'a' }]);
  });

  it('the header means nothing where no nginx is configured', async () => {
    await using service = await buildTestApp();
    await service.app.inject(put({ headers: { [SPOOL_HEADER]: '/etc/passwd' } }));
    expect(service.uploads).toMatchObject([{ content: 'package' }]);
  });
});

describe('on a real connection', () => {
  async function open(service: TestApp): Promise<Socket> {
    await service.app.listen({ host: '127.0.0.1', port: 0 });
    const [address] = service.app.addresses();
    if (typeof address !== 'object') throw new Error('expected a TCP address');
    const socket = connect(address.port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  }

  const head = (...lines: readonly string[]): string =>
    `PUT /upload HTTP/1.1\r\nHost: repo\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

  it('a chunked body is taken', async () => {
    await using service = await buildTestApp();
    const socket = await open(service);
    socket.write(
      `${head('Transfer-Encoding: chunked', 'Connection: close')}4\r\npack\r\n3\r\nage\r\n0\r\n\r\n`,
    );
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 201 /);
    expect(service.uploads).toMatchObject([{ content: 'package', sizeBytes: 7 }]);
  });

  it('a chunked body above the limit is refused while it still arrives', async () => {
    await using service = await buildTestApp({ upload: { maxUploadBytes: 4 } });
    const socket = await open(service);
    socket.write(`${head('Transfer-Encoding: chunked')}5\r\n12345\r\n`);
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
    await expectNothingLeft(service);
  });

  it('an announced body above the limit is refused before it is sent', async () => {
    await using service = await buildTestApp({ upload: { maxUploadBytes: 4 } });
    const socket = await open(service);
    socket.write(head('Content-Length: 5', 'Expect: 100-continue'));
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1\.1 413 /);
    expect(String(answer)).not.toContain('100 Continue');
    socket.destroy();
  });

  it('a client that expects "100 Continue" gets it once its headers are fine', async () => {
    await using service = await buildTestApp();
    const socket = await open(service);
    socket.write(head('Content-Length: 7', 'Expect: 100-continue', 'Connection: close'));
    const [first] = await once(socket, 'data');
    expect(String(first)).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('package');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 201 /);
    expect(service.uploads).toMatchObject([{ content: 'package' }]);
  });

  it.each([
    ['an unreadable digest', '/upload', 'Content-Digest: x'],
    ['a bad wait', '/upload?wait=x', 'X-Other: y'],
    ['a reserved path', '/upload/a/b.rpm', 'X-Other: y'],
  ])('a client with %s is told so before it sends the body', async (_, path, line) => {
    await using service = await buildTestApp();
    const socket = await open(service);
    socket.write(head('Content-Length: 7', 'Expect: 100-continue', line).replace('/upload', path));
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1\.1 4\d\d /);
    socket.destroy();
  });

  it('a client that goes away in mid-body leaves nothing', async () => {
    await using service = await buildTestApp();
    const socket = await open(service);
    socket.write(`${head('Content-Length: 1000')}half`);
    await expect.poll(() => readdir(service.spoolDir), PATIENTLY).toHaveLength(1);
    socket.destroy();
    await expect.poll(() => service.counted, PATIENTLY).toEqual([['BODY_INCOMPLETE', 0]]);
    expect(service.uploads).toEqual([]);
    await expectNothingLeft(service);
  });

  it('a client that goes away in the middle of a form leaves nothing', async () => {
    await using service = await buildTestApp();
    const socket = await open(service);
    const body = formBody([{ fileName: 'a.rpm', content: 'x'.repeat(50_000) }]).slice(0, -30);
    const request = head('Content-Length: 100000', `Content-Type: multipart/form-data; boundary=${BOUNDARY}`);
    socket.write(request.replace('PUT', 'POST') + body);
    await expect.poll(() => readdir(service.spoolDir), PATIENTLY).toHaveLength(1);
    socket.destroy();
    await expect.poll(() => service.counted, PATIENTLY).toHaveLength(1);
    expect(service.uploads).toEqual([]);
    await expectNothingLeft(service);
  });

  it('a connection serves on after a refused body that was read to its end', async () => {
    await using service = await buildTestApp(byContent);
    const socket = await open(service);
    const request = (content: string): string => `${head(`Content-Length: ${content.length}`)}${content}`;
    socket.write(request('refuse'));
    const [first] = await once(socket, 'data');
    expect(String(first)).toMatch(/^HTTP\/1\.1 400 /);
    socket.write(request('package'));
    const [second] = await once(socket, 'data');
    expect(String(second)).toMatch(/^HTTP\/1\.1 201 /);
    socket.destroy();
  });
});

describe('the log of an upload', () => {
  it('never holds what a client sends to prove who it is', async () => {
    await using service = await buildTestApp(byContent);
    const headers = {
      authorization: 'Bearer sesame-token',
      cookie: 'session=sesame-cookie',
      'proxy-authorization': 'Basic sesame-proxy',
      'x-api-key': 'sesame-key',
    };
    for (const payload of ['package', 'refuse', 'break', 'full']) {
      await service.app.inject(put({ payload, headers }));
      await service.app.inject(post([{ fileName: 'a.rpm', content: payload }], { headers }));
    }
    await service.app.inject({ url: '/nowhere', headers });
    await service.app.inject(put({ url: '/upload?wait=x', headers }));
    expect(service.logLines.length).toBeGreaterThan(10);
    expect(service.logLines.join('')).not.toContain('sesame');
  });

  it('has a line for each request, with an id that the client cannot choose', async () => {
    await using service = await buildTestApp();
    await service.app.inject(put({ headers: { 'request-id': 'forged', 'x-request-id': 'forged' } }));
    const lines = service.logLines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request');
    expect(lines).toEqual([expect.objectContaining({ method: 'PUT', url: '/upload', status: 201 })]);
    expect(service.logLines.join('')).not.toContain('forged');
  });
});
