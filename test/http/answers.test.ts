import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Route } from '../../src/http/route.ts';
import { ROUTES } from '../../src/http/routes.ts';
import {
  checkAnswers,
  findAnswerFaults,
  findRouteName,
  readAnswers,
  type RecordedAnswer,
} from '../support/check-answers.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { startSite } from '../support/run-site.ts';
import { type HttpAnswer, type HttpRequest, sendRequest, sha256Of } from '../support/send-request.ts';
import { createTempDir } from '../support/temp-dir.ts';

const REPOSITORY = '/api/v1/repositories/9/x86_64';
const COMPS = '<?xml version="1.0"?><comps><group><id>a</id><name>A</name></group></comps>';
const TUS = { 'tus-resumable': '1.0.0' };
const JSON_WANTED = { accept: 'application/json' };

const READY: RecordedAnswer = {
  method: 'GET',
  route: '/readyz',
  url: '/readyz',
  status: 200,
  type: 'application/json; charset=utf-8',
  body: '{"status":"ready","faults":[]}',
};

function packageOf(name: string): Buffer {
  return craftRpm({ name, release: '1.el9', arch: 'x86_64' });
}

/** Asks everything there is once. */
async function askAll(baseUrl: string): Promise<void> {
  const ask = async (request: HttpRequest): Promise<HttpAnswer> => {
    const headers = { ...JSON_WANTED, ...request.headers };
    const answer = await sendRequest(baseUrl, { ...request, headers });
    expect(answer.status, `${request.method ?? 'GET'} ${request.path}: ${answer.text}`).toBeLessThan(400);
    return answer;
  };
  const put = (path: string, body: string | Uint8Array): Promise<HttpAnswer> =>
    ask({ method: 'PUT', path, body, headers: { 'content-length': Buffer.byteLength(body) } });

  const first = packageOf('first');
  await put('/upload?wait=50', first);
  await put('/upload/first.rpm', first);
  await ask({ method: 'POST', path: '/upload', body: first, headers: { 'content-length': first.length } });
  await ask({
    method: 'PUT',
    path: '/upload',
    body: first,
    headers: { accept: 'text/plain', 'content-length': first.length },
  });
  await ask({ path: `/api/v1/uploads/${sha256Of(first)}` });

  const second = packageOf('second');
  await ask({ method: 'OPTIONS', path: '/upload/resumable', headers: TUS });
  const begin: HttpRequest = {
    method: 'POST',
    path: '/upload/resumable',
    headers: { ...TUS, 'upload-length': second.length },
  };
  const path = `/upload/${(await ask(begin)).headers.location ?? ''}`;
  await ask({ method: 'HEAD', path, headers: TUS });
  const piece = { 'content-type': 'application/offset+octet-stream', 'content-length': second.length };
  await ask({ method: 'PATCH', path, headers: { ...TUS, ...piece, 'upload-offset': 0 }, body: second });
  const given = `/upload/${(await ask(begin)).headers.location ?? ''}`;
  await ask({ method: 'DELETE', path: given, headers: TUS });

  await put('/upload?batch=one', packageOf('third'));
  await put('/upload?batch=two', packageOf('fourth'));
  await ask({ path: '/api/v1/batches' });
  await ask({ path: '/api/v1/batches/one' });
  await ask({ method: 'POST', path: '/api/v1/batches/one/commit?wait=50' });
  await ask({ method: 'DELETE', path: '/api/v1/batches/two' });

  await ask({ path: '/api/v1/repositories' });
  await ask({ path: `${REPOSITORY}?wait=50` });
  await ask({ path: `${REPOSITORY}/packages` });
  await ask({ method: 'POST', path: `${REPOSITORY}/reindex?wait=50` });
  await put(`${REPOSITORY}/metadata/group?wait=50`, COMPS);
  await ask({ path: `${REPOSITORY}/metadata` });
  await ask({ path: `${REPOSITORY}/metadata/group` });
  await ask({ method: 'DELETE', path: `${REPOSITORY}/metadata/group` });

  for (const read of ['/', '/repo', '/repo/', '/repo/9/x86_64/repodata/repomd.xml', '/rpmyard.repo'])
    await ask({ path: read });
  for (const asked of ['/healthz', '/readyz', '/metrics', '/api/v1/openapi.json']) await ask({ path: asked });
}

describe('what the service answers', () => {
  it('is what the table of routes and the schemas describe, for every route', async () => {
    await using site = await startSite({ front: 'none' });
    await askAll(site.baseUrl);
    const answers = await readAnswers(site.service.answersPath);
    const seen = new Set(answers.filter(({ status }) => status < 400).map(findRouteName));
    const described = Object.entries<Route>(ROUTES)
      .filter(([, [, , , , , content, kind]]) => content !== undefined && kind !== 'nginx')
      .map(([name]) => name);
    expect(seen).toEqual(new Set(described));
    // Leaving the scope compares each with its schema.
  });

  it('fails the test when a service that it ran has answered something else', async () => {
    await using site = await startSite({ front: 'none' });
    const { answersPath } = site.service;
    await appendFile(answersPath, `${JSON.stringify({ ...READY, body: '{"status":"ready"}' })}\n`);
    await expect(site.service.stop()).rejects.toThrow('GET /readyz answered 200');
  });
});

describe('the comparison of an answer', () => {
  it('finds nothing in one that is as it is described, with and without a body', () => {
    expect(findAnswerFaults(READY)).toEqual([]);
    expect(findAnswerFaults({ ...READY, method: 'HEAD', body: '' })).toEqual([]);
    expect(
      findAnswerFaults({
        method: 'GET',
        route: '/healthz',
        url: '/healthz',
        status: 200,
        type: 'text/plain',
      }),
    ).toEqual([]);
    expect(
      findAnswerFaults({ method: 'GET', url: '/x', status: 404, type: 'text/plain; charset=utf-8' }),
    ).toEqual([]);
    const form = {
      results: [
        { file: 'a', type: 'about:blank', title: 'Bad', status: 400, detail: 'd', code: 'c', hint: 'h' },
      ],
    };
    expect(
      findAnswerFaults({
        ...READY,
        method: 'POST',
        route: '/files',
        status: 207,
        body: JSON.stringify(form),
      }),
    ).toEqual([]);
  });

  it.each<[string, Partial<RecordedAnswer>]>([
    ['a field more', { body: '{"status":"ready","faults":[],"more":1}' }],
    [
      'a field more in a list',
      { body: '{"status":"ready","faults":[{"affects":"drops","code":"","detail":"","hint":"","x":1}]}' },
    ],
    ['a field less', { body: '{"status":"ready"}' }],
    ['a word that no schema has', { body: '{"status":"fine","faults":[]}' }],
    ['another status', { status: 201 }],
    ['another type of content', { type: 'text/html', body: '' }],
    ['no content', { type: '', body: '' }],
    ['a route that is in no table', { route: '/readyz/more' }],
    [
      'a problem without a hint',
      { status: 400, type: 'application/problem+json', body: '{"type":"about:blank"}' },
    ],
  ])('finds %s', (_what, change) => {
    expect(findAnswerFaults({ ...READY, ...change })).not.toEqual([]);
  });

  it('names each answer that is not as it is described, and forgets all', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'answers');
    await appendFile(path, `${JSON.stringify(READY)}\n${JSON.stringify({ ...READY, status: 418 })}\n`);
    await expect(checkAnswers(path)).rejects.toThrow(
      'GET /readyz answered 418: the table has no such answer',
    );
    expect(await readAnswers(path)).toEqual([]);
  });
});
