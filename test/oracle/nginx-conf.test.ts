import { once } from 'node:events';
import { mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
  type ServerResponse,
} from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { execa } from 'execa';
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { NGINX_VERSION } from '../../src/http/nginx-in-front.ts';
import { findFreePort } from '../support/free-port.ts';
import { type Replacement, type RunningNginx, startNginx } from '../support/run-nginx.ts';
import { GENERATION_FILES, GENERATION_URLS } from '../support/generation-urls.ts';
import { RELEASEVER_FILES, RELEASEVER_LINK, RELEASEVER_URLS } from '../support/releasever-urls.ts';
import { createTempDir } from '../support/temp-dir.ts';

interface SeenRequest {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** What the file named by X-Package-Name held while the request ran. */
  readonly spooled: string | undefined;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

interface SiteOptions {
  readonly answer?: Answer;
  /** What the service says when it is asked whether a request may come in; default 204. */
  readonly admit?: Answer;
  readonly replacements?: readonly Replacement[];
}

interface Site extends AsyncDisposable {
  readonly nginx: RunningNginx;
  readonly seen: readonly SeenRequest[];
  /** The questions whether a request may come in. */
  readonly asked: readonly SeenRequest[];
}

interface ClientRequest {
  readonly method?: string;
  /** Sent as it is written, dot segments included. */
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
}

interface ClientResponse {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const SITE_CONF = new URL('../../nginx/rpmyard.conf', import.meta.url);
const HTTP_CONF = new URL('../../nginx/http.conf', import.meta.url);
const SERVER_CONF = new URL('../../nginx/server.conf', import.meta.url);
const README = new URL('../../nginx/README.md', import.meta.url);
const SHA256 = 'ab'.repeat(32);
/** As a site that restricts reading changes the file. */
const READING_IS_ASKED_FOR = { from: 'set $rpmyard_reading public;', to: 'set $rpmyard_reading asked;' };
/** More than client_body_buffer_size, so that a spool file exists while the body still arrives. */
const MORE_THAN_ONE_BUFFER = 600_000;
/** More than nginx's client_max_body_size where none is set, 1 MiB. */
const ORDINARY_PACKAGE = 'x'.repeat(2_000_000);
const PUBLIC_PATHS = ['/healthz', '/repo/'];
const CLOSED_PATHS = ['/api/v1/repositories', '/metrics', '/unknown'];

const admitAll: Answer = (_request, response) => {
  response.writeHead(204).end();
};

const answerCreated: Answer = (_request, response) => {
  response.writeHead(201, { 'content-type': 'text/plain' }).end('OK\n');
};

async function startSite(options: SiteOptions = {}): Promise<Site> {
  const { answer = answerCreated, admit = admitAll, replacements = [] } = options;
  const root = await createTempDir();
  const seen: SeenRequest[] = [];
  const asked: SeenRequest[] = [];
  const handle = async (incoming: IncomingMessage, response: ServerResponse) => {
    const isQuestion = incoming.url?.startsWith('/auth/') === true;
    (isQuestion ? asked : seen).push(await recordRequest(incoming));
    (isQuestion ? admit : answer)(incoming, response);
  };
  const upstream = createServer((incoming, response) => {
    handle(incoming, response).catch((error: Error) => response.destroy(error));
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const address = upstream.address();
  if (address === null || typeof address === 'string') throw new Error('expected a TCP address');
  const nginx = await startNginx({ root: root.path, upstreamPort: address.port, replacements });

  return {
    nginx,
    seen,
    asked,
    async [Symbol.asyncDispose]() {
      upstream.close();
      upstream.closeAllConnections();
      await nginx.stop();
      await root.remove();
    },
  };
}

async function recordRequest(incoming: IncomingMessage): Promise<SeenRequest> {
  const spoolPath = incoming.headers['x-package-name'];
  return {
    method: incoming.method,
    url: incoming.url,
    headers: incoming.headers,
    body: await text(incoming),
    spooled: typeof spoolPath === 'string' ? await readFile(spoolPath, 'utf8') : undefined,
  };
}

async function send({ port }: RunningNginx, { method = 'GET', path, headers = {}, body }: ClientRequest) {
  const outgoing = request({ host: '127.0.0.1', port, method, path, headers, agent: false });
  outgoing.end(body);
  return readResponse(outgoing);
}

async function readResponse(outgoing: ReturnType<typeof request>): Promise<ClientResponse> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve).once('error', reject);
  });
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

/** Sends bytes that need not be HTTP and returns all that comes back until nginx closes. */
async function sendRaw({ port }: RunningNginx, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes);
  return (await buffer(socket)).toString();
}

async function addFile({ storageDir }: RunningNginx, path: string, content = 'content'): Promise<void> {
  const target = join(storageDir, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, content);
}

const putHeaders = (path: string, bodyBytes: number): string =>
  `PUT ${path} HTTP/1.1\r\nHost: repo\r\nContent-Length: ${bodyBytes}\r\nConnection: close\r\n\r\n`;

const spoolOf = async ({ spoolDir }: RunningNginx): Promise<string[]> => readdir(spoolDir);

const codeOf = (response: ClientResponse): string | undefined =>
  /^ERROR ([A-Z_]+): .+ \(.+\)\n$/.exec(response.body)?.[1];

function headerNames(block: string): (string | undefined)[] {
  return [...block.matchAll(/^ *proxy_set_header (\S+)/gm)].map(([, name]) => name);
}

const hold: Answer = () => {};

describe('PUT', () => {
  test.each(['/upload', '/upload/', '/upload/pkg-1-1.el9.noarch.rpm?releasever=9'])(
    'the body of a PUT to %s lies in the spool and the service gets its path instead',
    async (path) => {
      await using site = await startSite();
      const response = await send(site.nginx, { method: 'PUT', path, body: 'package bytes' });
      expect(response).toMatchObject({ status: 201, body: 'OK\n' });
      expect(site.seen).toMatchObject([{ method: 'PUT', url: path, body: '', spooled: 'package bytes' }]);
      const headers = site.seen[0]?.headers ?? {};
      expect(headers['x-package-name']).toMatch(new RegExp(`^${site.nginx.spoolDir}/[0-9]{10}$`));
      expect(headers).not.toHaveProperty('content-length');
      expect(headers).not.toHaveProperty('transfer-encoding');
    },
  );

  test('a body of unknown length, as curl -T - sends it, is spooled whole', async () => {
    await using site = await startSite();
    const body = 'x'.repeat(MORE_THAN_ONE_BUFFER);
    const { stdout } = await execa('curl', ['-sS', '-T', '-', `${site.nginx.baseUrl}/upload`], {
      input: body,
    });
    expect(stdout).toBe('OK');
    expect(site.seen[0]?.spooled).toBe(body);
    expect(site.seen[0]?.headers).not.toHaveProperty('transfer-encoding');
  });

  test('digests that the client sends reach the service', async () => {
    await using site = await startSite();
    const headers = {
      'content-digest': 'sha-256=:AA==:',
      'repr-digest': 'sha-256=:BB==:',
      'x-checksum-sha256': SHA256,
    };
    await send(site.nginx, { method: 'PUT', path: '/upload', headers, body: 'x' });
    expect(site.seen).toMatchObject([{ headers }]);
  });

  test('a path that only begins like the upload path spools nothing', async () => {
    await using site = await startSite();
    await send(site.nginx, { method: 'PUT', path: '/uploads', body: 'x' });
    expect(site.seen).toMatchObject([{ body: 'x', spooled: undefined }]);
  });
});

describe('POST', () => {
  test('a form reaches the service while it is still being sent, and nothing of it is spooled', async () => {
    const firstPart = Promise.withResolvers<string>();
    await using upstream = await startStreamingUpstream(firstPart.resolve);
    await using root = await createTempDir();
    await using nginx = await startNginx({ root: root.path, upstreamPort: upstream.port });

    const headers = { 'x-package-name': '/etc/passwd', 'content-type': 'multipart/form-data; boundary=b' };
    const outgoing = request({ port: nginx.port, method: 'POST', path: '/upload', headers, agent: false });
    outgoing.write('--b\r\n');
    await expect(firstPart.promise).resolves.toBe('--b\r\n');
    await expect(spoolOf(nginx)).resolves.toEqual([]);
    outgoing.end('--b--\r\n');
    const response = await readResponse(outgoing);
    expect(JSON.parse(response.body)).toEqual({ rest: '--b--\r\n', packageName: null });
  });
});

interface StreamingUpstream extends AsyncDisposable {
  readonly port: number;
}

async function startStreamingUpstream(onFirstPart: (part: string) => void): Promise<StreamingUpstream> {
  const port = await findFreePort();
  const server = createServer((incoming, response) => {
    if (incoming.url?.startsWith('/auth/') === true) return admitAll(incoming, response);
    incoming.once('data', (part: Buffer) => {
      onFirstPart(part.toString());
      void text(incoming).then((rest) =>
        response.end(JSON.stringify({ rest, packageName: incoming.headers['x-package-name'] ?? null })),
      );
    });
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe('X-Package-Name', () => {
  const uploads = ['/upload', '/upload/', '/upload/a.rpm'];
  const requests = [
    ...uploads.flatMap((path) => ['POST', 'GET', 'DELETE', 'PATCH'].map((method) => ({ method, path }))),
    ...['/api/v1/repositories', '/metrics', '/healthz', '/readyz', '/', '/unknown'].flatMap((path) =>
      ['GET', 'PUT', 'POST'].map((method) => ({ method, path })),
    ),
  ];

  test.each(requests)(
    'what a client claims in $method $path never reaches the service',
    async ({ method, path }) => {
      await using site = await startSite();
      const headers = { 'x-package-name': ['/etc/passwd', '/etc/hostname'], 'X-PACKAGE-NAME': '/etc/shadow' };
      const response = await send(site.nginx, {
        method,
        path,
        headers,
        ...(method === 'GET' ? {} : { body: 'x' }),
      });
      expect(response.status).toBe(201);
      expect(site.seen[0]?.headers).not.toHaveProperty('x-package-name');
    },
  );

  test.each(uploads)('what a client claims in PUT %s is replaced by the spool file', async (path) => {
    await using site = await startSite();
    await send(site.nginx, { method: 'PUT', path, headers: { 'x-package-name': '/etc/passwd' }, body: 'x' });
    expect(site.seen).toMatchObject([{ spooled: 'x' }]);
  });

  test('a PUT without a body names no file at all', async () => {
    await using site = await startSite();
    await send(site.nginx, { method: 'PUT', path: '/upload', headers: { 'x-package-name': '/etc/passwd' } });
    expect(site.seen).toHaveLength(1);
    expect(site.seen[0]?.headers['x-package-name'] ?? '').not.toContain('passwd');
  });

  test('another place than /srv/repo stands in as many lines as the file says', async () => {
    const [beginning = '', ...rest] = (await readFile(SITE_CONF, 'utf8')).split('\nupstream ');
    const lines = rest.join('').split('\n');
    expect(lines.filter((line) => line.includes('/srv/repo'))).toHaveLength(3);
    expect(beginning).toContain('change three lines.');
    const included = await Promise.all([HTTP_CONF, SERVER_CONF].map(async (file) => readFile(file, 'utf8')));
    expect(included.join('')).not.toContain('/srv/repo');
  });

  test('a location that sets a proxy header of its own repeats every header of the server level', async () => {
    const [serverLevel = '', ...locations] = (await readFile(SERVER_CONF, 'utf8')).split(/^location /m);
    const inherited = headerNames(serverLevel);
    expect(inherited).toContain('X-Package-Name');
    const own = locations.map(headerNames).filter((names) => names.length > 0);
    expect(own).toHaveLength(2);
    for (const names of own) expect(names).toEqual(expect.arrayContaining(inherited));
  });
});

describe('X-Rpmyard-Nginx', () => {
  const ofClients = { 'x-rpmyard-nginx': '77', connection: 'X-Rpmyard-Nginx' };

  test.each([
    { method: 'PUT', path: '/upload' },
    { method: 'POST', path: '/upload' },
    { method: 'GET', path: '/upload' },
    ...['/readyz', '/api/v1/repositories', '/unknown'].map((path) => ({ method: 'GET', path })),
  ])('says the version of the files in $method $path, whatever a client sends', async ({ method, path }) => {
    await using site = await startSite();
    const body = method === 'GET' ? {} : { body: 'x' };
    await send(site.nginx, { method, path, headers: ofClients, ...body });
    for (const { headers } of [...site.seen, ...site.asked]) {
      expect(headers).toMatchObject({
        'x-rpmyard-nginx': String(NGINX_VERSION),
        connection: 'X-Rpmyard-Nginx',
      });
    }
    expect(site.seen).toHaveLength(1);
  });

  test('changes with every change of what the two files tell nginx', async () => {
    const included = await Promise.all([HTTP_CONF, SERVER_CONF].map(async (file) => readFile(file, 'utf8')));
    const said = included.join('').matchAll(/proxy_set_header X-Rpmyard-Nginx (\d+);/g);
    expect(new Set([...said].map(([, version]) => Number(version)))).toEqual(new Set([NGINX_VERSION]));
    const directives = included
      .join('')
      .replaceAll(/^ *(?:#.*)?\n/gm, '')
      .replaceAll(/ +/g, ' ');
    // Another digest is another version: raise NGINX_VERSION, X-Rpmyard-Nginx, and both here.
    expect({
      version: NGINX_VERSION,
      sha256: createHash('sha256').update(directives).digest('hex'),
    }).toEqual({ version: 1, sha256: '29036c35d1dc0a59008851e35583285879ac5a045c29c028eb417d54cde3b2b4' });
  });
});

test('with another server.prefix_url the site adds a location, and the spool is used there too', async () => {
  const readme = await readFile(README, 'utf8');
  const [location = ''] = /location ~ \^\/packages.*?\n\}/s.exec(readme) ?? [];
  const from = 'client_max_body_size 4g;';
  await using site = await startSite({ replacements: [{ from, to: `${from}\n${location}` }] });
  await send(site.nginx, { method: 'PUT', path: '/packages/a.rpm?wait=1', body: 'x' });
  expect(site.seen).toMatchObject([{ url: '/packages/a.rpm?wait=1', spooled: 'x' }]);
  expect(site.asked).toMatchObject([{ headers: { 'x-original-uri': '/packages/a.rpm?wait=1' } }]);
});

describe('the spool is empty again', () => {
  test.each([201, 400, 409, 422, 500, 507])('after the service answered %i', async (status) => {
    await using site = await startSite({ answer: (_request, response) => response.writeHead(status).end() });
    const response = await send(site.nginx, { method: 'PUT', path: '/upload', body: 'x' });
    expect(response.status).toBe(status);
    expect(site.seen).toMatchObject([{ spooled: 'x' }]);
    await expect.poll(async () => spoolOf(site.nginx)).toEqual([]);
  });

  test('after an upload while the service is down', async () => {
    await using root = await createTempDir();
    await using nginx = await startNginx({ root: root.path, upstreamPort: await findFreePort() });
    const response = await send(nginx, { method: 'PUT', path: '/upload', body: 'x' });
    expect(response.status).toBe(503);
    await expect.poll(async () => spoolOf(nginx)).toEqual([]);
  });

  test('after the service dropped the connection without an answer', async () => {
    await using site = await startSite({ answer: (incoming) => incoming.socket.destroy() });
    const response = await send(site.nginx, { method: 'PUT', path: '/upload', body: 'x' });
    expect(codeOf(response)).toBe('SERVICE_UNAVAILABLE');
    await expect.poll(async () => spoolOf(site.nginx)).toEqual([]);
  });

  test('after the client went away in the middle of the body', async () => {
    await using site = await startSite();
    const socket = connect(site.nginx.port, '127.0.0.1');
    socket.write(putHeaders('/upload', 2 * MORE_THAN_ONE_BUFFER));
    socket.write('x'.repeat(MORE_THAN_ONE_BUFFER));
    await expect.poll(async () => spoolOf(site.nginx)).toHaveLength(1);
    socket.destroy();
    await expect.poll(async () => spoolOf(site.nginx)).toEqual([]);
    expect(site.seen).toEqual([]);
  });

  test('after the client went away while the service was at work', async () => {
    await using site = await startSite({ answer: hold });
    const socket = connect(site.nginx.port, '127.0.0.1');
    socket.write(`${putHeaders('/upload', 1)}x`);
    await expect.poll(() => site.seen).toHaveLength(1);
    await expect(spoolOf(site.nginx)).resolves.toHaveLength(1);
    socket.destroy();
    await expect.poll(async () => spoolOf(site.nginx)).toEqual([]);
  });

  test('after a body of unknown length grew too large', async () => {
    await using site = await startSite({
      replacements: [{ from: 'client_max_body_size 4g;', to: 'client_max_body_size 300k;' }],
    });
    const headers = { 'transfer-encoding': 'chunked' };
    const body = 'x'.repeat(MORE_THAN_ONE_BUFFER);
    const response = await send(site.nginx, { method: 'PUT', path: '/upload', headers, body });
    expect(response.status).toBe(413);
    expect(codeOf(response)).toBe('UPLOAD_TOO_LARGE');
    await expect.poll(async () => spoolOf(site.nginx)).toEqual([]);
    expect(site.seen).toEqual([]);
  });

  test('after a body stalled: nginx logs 408 and closes without an answer', async () => {
    await using site = await startSite({
      replacements: [{ from: 'client_body_timeout 60s;', to: 'client_body_timeout 1s;' }],
    });
    const stalled = putHeaders('/upload', 2 * MORE_THAN_ONE_BUFFER) + 'x'.repeat(MORE_THAN_ONE_BUFFER);
    await expect(sendRaw(site.nginx, stalled)).resolves.toBe('');
    await expect.poll(async () => readFile(site.nginx.accessLogPath, 'utf8')).toContain('408 PUT /upload');
    await expect.poll(async () => spoolOf(site.nginx)).toEqual([]);
    expect(site.seen).toEqual([]);
  });
});

describe('an answer of nginx itself', () => {
  test('refuses a body by its length before any of it is sent', async () => {
    await using site = await startSite();
    const answer = await sendRaw(site.nginx, putHeaders('/upload', 5 * 2 ** 30));
    expect(answer).toMatch(/^HTTP\/1\.1 413 [^]*\r\n\r\nERROR UPLOAD_TOO_LARGE: .+ \(.+\)\n$/);
    expect(site.seen).toEqual([]);
  });

  test.each([
    ['PUT', 'content-length'],
    ['POST', 'content-length'],
    ['POST', 'transfer-encoding'],
  ])('refuses a %s that is too large by %s', async (method, header) => {
    await using site = await startSite({
      replacements: [{ from: 'client_max_body_size 4g;', to: 'client_max_body_size 1k;' }],
    });
    const headers = { [header]: header === 'content-length' ? '2000' : 'chunked' };
    const response = await send(site.nginx, { method, path: '/upload', headers, body: 'x'.repeat(2000) });
    expect(response.status).toBe(413);
    expect(codeOf(response)).toBe('UPLOAD_TOO_LARGE');
  });

  test.each([
    { method: 'PUT', path: '/upload/a.rpm' },
    { method: 'POST', path: '/upload' },
    { method: 'GET', path: '/api/v1/repositories' },
    { method: 'GET', path: '/readyz' },
    { method: 'GET', path: '/unknown' },
  ])('says that the service is down to $method $path, as text and as a problem document', async (target) => {
    await using root = await createTempDir();
    await using nginx = await startNginx({ root: root.path, upstreamPort: await findFreePort() });
    const body = target.method === 'GET' ? {} : { body: ORDINARY_PACKAGE };
    const asText = await send(nginx, { ...target, ...body });
    expect(asText.status).toBe(503);
    expect(asText.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    expect(codeOf(asText)).toBe('SERVICE_UNAVAILABLE');

    const asJson = await send(nginx, { ...target, ...body, headers: { accept: 'application/json' } });
    expect(asJson.status).toBe(503);
    expect(asJson.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(asJson.body)).toEqual({
      type: 'about:blank',
      title: 'Service Unavailable',
      status: 503,
      detail: expect.any(String),
      code: 'SERVICE_UNAVAILABLE',
      hint: expect.any(String),
    });
  });

  test('says that the service is down when it takes too long', async () => {
    await using site = await startSite({
      answer: hold,
      replacements: [{ from: 'proxy_read_timeout 75s;', to: 'proxy_read_timeout 1s;' }],
    });
    const response = await send(site.nginx, { method: 'PUT', path: '/upload', body: 'x' });
    expect(response.status).toBe(503);
    expect(codeOf(response)).toBe('SERVICE_UNAVAILABLE');
    await expect.poll(async () => spoolOf(site.nginx)).toEqual([]);
  });

  test('blames the storage when the spool cannot be written, and works again once it can', async () => {
    await using site = await startSite();
    await rename(site.nginx.spoolDir, `${site.nginx.spoolDir}.gone`);
    const upload = {
      method: 'PUT',
      path: '/upload',
      headers: { accept: 'application/json' },
      body: ORDINARY_PACKAGE,
    };
    const failed = await send(site.nginx, upload);
    expect(failed.status).toBe(500);
    expect(JSON.parse(failed.body)).toMatchObject({ code: 'STORAGE_FAILED', status: 500 });
    expect(site.seen).toEqual([]);
    await rename(`${site.nginx.spoolDir}.gone`, site.nginx.spoolDir);
    await expect(send(site.nginx, upload)).resolves.toMatchObject({ status: 201 });
  });

  test.each([
    'GARBAGE\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
    'PUT /upload HTTP/1.1\r\nHost: repo\r\nContent-Length: z\r\n\r\n',
    'PUT /upload HTTP/1.1\r\nHost: repo\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nz\r\n',
  ])('refuses what is not HTTP with a reason: %j', async (bytes) => {
    await using site = await startSite();
    const answer = await sendRaw(site.nginx, bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*\r\n\r\nERROR REQUEST_MALFORMED: .+ \(.+\)\n$/);
    expect(site.seen).toEqual([]);
  });

  test.each([
    `GET / HTTP/1.1\r\nHost: repo\r\nX-Long: ${'x'.repeat(9000)}\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: repo\r\n${`X-Many: ${'x'.repeat(7000)}\r\n`.repeat(6)}\r\n`,
    `GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: repo\r\n\r\n`,
  ])('refuses a request line and headers that are too large: %#', async (bytes) => {
    await using site = await startSite();
    const answer = await sendRaw(site.nginx, bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 431 [^]*\r\n\r\nERROR HEADERS_TOO_LARGE: .+ \(.+\)\n$/);
    expect(site.seen).toEqual([]);
  });

  test.each([
    [{ said: 400 }, 400, 'REQUEST_MALFORMED'],
    [{ said: 431 }, 431, 'HEADERS_TOO_LARGE'],
    [{ said: 404 }, 503, 'SERVICE_UNAVAILABLE'],
    [{ said: 413 }, 503, 'SERVICE_UNAVAILABLE'],
    [{ said: 500 }, 503, 'SERVICE_UNAVAILABLE'],
    [{ said: 502 }, 503, 'SERVICE_UNAVAILABLE'],
    [{ said: 503 }, 503, 'SERVICE_UNAVAILABLE'],
    [{ said: 504 }, 503, 'SERVICE_UNAVAILABLE'],
    [{ said: 401, code: 'CREDENTIALS_INVALID' }, 401, 'CREDENTIALS_INVALID'],
    [{ said: 403, code: 'RIGHT_MISSING' }, 403, 'RIGHT_MISSING'],
    [{ said: 500, code: 'INTERNAL' }, 500, 'INTERNAL'],
    [{ said: 503, code: 'SHUTTING_DOWN' }, 503, 'SHUTTING_DOWN'],
    [{ said: 507, code: 'STORAGE_FULL' }, 507, 'STORAGE_FULL'],
  ])(
    'says what kept the service from saying yes: %j',
    async (fault: { readonly said: number; readonly code?: string }, status, expected) => {
      const { said, code } = fault;
      const headers = { 'x-rpmyard-code': code, 'x-rpmyard-detail': 'detail', 'x-rpmyard-hint': 'hint' };
      const admit: Answer = (_request, response) =>
        response.writeHead(said, code === undefined ? {} : headers).end();
      await using site = await startSite({ admit, replacements: [READING_IS_ASKED_FOR] });
      for (const [method, path] of [
        ['PUT', '/upload'],
        ['POST', '/upload'],
        ['PATCH', '/upload/resumable/1'],
        ['GET', '/repo/9/x86_64/a.rpm'],
      ] as const) {
        const headersOfClient = { accept: 'application/json' };
        const response = await send(site.nginx, {
          method,
          path,
          headers: headersOfClient,
          ...(method === 'GET' ? {} : { body: 'x' }),
        });
        expect(response.status, method).toBe(status);
        expect(JSON.parse(response.body)).toMatchObject({ status, code: expected });
      }
      expect(site.seen).toEqual([]);
    },
  );

  test('is never given in place of an error of the service', async () => {
    for (const status of [400, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504, 507]) {
      const body = JSON.stringify({ code: 'FROM_THE_SERVICE', status });
      await using site = await startSite({
        answer: (_request, response) =>
          response.writeHead(status, { 'content-type': 'application/problem+json' }).end(body),
      });
      for (const [method, path] of [
        ['PUT', '/upload'],
        ['POST', '/upload'],
        ['GET', '/api/v1/x'],
        ['GET', '/readyz'],
      ] as const) {
        const response = await send(site.nginx, { method, path, ...(method === 'GET' ? {} : { body: 'x' }) });
        expect(response).toMatchObject({ status, body });
        expect(response.headers['content-type']).toBe('application/problem+json');
      }
    }
  });
});

describe('who may do what', () => {
  const withoutLoopback = [{ from: 'allow 127.0.0.0/8;', to: '' }];

  test.each([
    { method: 'PUT', path: '/upload' },
    { method: 'POST', path: '/upload' },
    ...CLOSED_PATHS.map((path) => ({ method: 'GET', path })),
  ])('an address outside the allow list gets 403 for $method $path', async ({ method, path }) => {
    await using site = await startSite({ replacements: withoutLoopback });
    const response = await send(site.nginx, {
      method,
      path,
      ...(method === 'GET' ? {} : { body: ORDINARY_PACKAGE }),
    });
    expect(response.status).toBe(403);
    expect(codeOf(response)).toBe('CLIENT_NOT_ALLOWED');
    expect(site.seen).toEqual([]);
  });

  test('an address outside the allow list reads repositories, client configuration and health', async () => {
    await using site = await startSite({ replacements: withoutLoopback });
    await addFile(site.nginx, '9/x86_64/Packages/a.rpm');
    await addFile(site.nginx, 'rpmyard.repo');
    for (const path of ['/repo/9/x86_64/Packages/a.rpm', '/rpmyard.repo']) {
      await expect(send(site.nginx, { path })).resolves.toMatchObject({ status: 200 });
    }
    for (const path of PUBLIC_PATHS) {
      await expect(send(site.nginx, { path })).resolves.toMatchObject({ status: 201, body: 'OK\n' });
    }
  });

  test('the site says which addresses read /metrics and /readyz', async () => {
    await using site = await startSite({
      replacements: [{ from: 'default 1;', to: 'default 0; 127.0.0.9 1;' }],
    });
    for (const path of ['/metrics', '/readyz']) {
      expect(codeOf(await send(site.nginx, { path }))).toBe('CLIENT_NOT_ALLOWED');
    }
    expect((await send(site.nginx, { path: '/api/v1/repositories' })).status).toBe(201);
    const { stdout } = await execa('curl', [
      '-s',
      '--interface',
      '127.0.0.9',
      `${site.nginx.baseUrl}/readyz`,
    ]);
    expect(stdout).toBe('OK');
  });

  test('an address that stands for many clients is not counted', async () => {
    const few = { from: 'rate=500r/s;', to: 'rate=1r/m;' };
    const noBurst = { from: 'burst=2000 ', to: 'burst=1 ' };
    const shared = {
      from: 'geo $rpmyard_shared_address {',
      to: 'geo $rpmyard_shared_address {\n127.0.0.1 1;',
    };
    await using site = await startSite({ replacements: [few, noBurst, shared] });
    for (let number = 0; number < 4; number += 1) {
      const upload = { method: 'PUT', path: '/upload', body: 'x' };
      expect(await send(site.nginx, upload)).toMatchObject({ status: 201 });
    }
  });

  test('one address cannot take all upload connections', async () => {
    await using site = await startSite({
      answer: hold,
      replacements: [{ from: 'rpmyard_client_uploads 64;', to: 'rpmyard_client_uploads 1;' }],
    });
    const socket = connect(site.nginx.port, '127.0.0.1');
    socket.write(`${putHeaders('/upload', 1)}x`);
    await expect.poll(() => site.seen).toHaveLength(1);
    for (const method of ['PUT', 'POST']) {
      const response = await send(site.nginx, { method, path: '/upload', body: 'x' });
      expect(response.status).toBe(429);
      expect(codeOf(response)).toBe('TOO_MANY_UPLOADS');
    }
    await expect(send(site.nginx, { path: '/repo' })).resolves.toMatchObject({ status: 301 });
    socket.destroy();
  });

  test.each([['PUT'], ['POST'], ['PATCH'], ['DELETE'], ['GET']])(
    'the service is asked about a %s before it gets it',
    async (method) => {
      await using site = await startSite();
      const path = '/upload/resumable/1?wait=5';
      await send(site.nginx, { method, path, ...(method === 'GET' ? {} : { body: 'x' }) });
      const headers = { 'x-original-method': method, 'x-original-uri': path };
      expect(site.asked).toMatchObject([{ url: '/auth/upload', body: '', headers }]);
      expect(site.seen).toMatchObject([{ method, url: path }]);
    },
  );

  test.each(['/api/v1/repositories', '/readyz', '/metrics', '/healthz', '/unknown', '/upload'])(
    'an address that has too many requests of GET %s under way, or sends too many, is told to come back',
    async (path) => {
      const few = [
        { from: 'rpmyard_client_requests_at_once 256;', to: 'rpmyard_client_requests_at_once 1;' },
        { from: 'rate=100r/s;', to: 'rate=1r/m;' },
        { from: 'rate=500r/s;', to: 'rate=1r/m;' },
        { from: 'burst=1000 ', to: 'burst=2 ' },
        { from: 'burst=2000 ', to: 'burst=2 ' },
      ];
      await using site = await startSite({ answer: hold, replacements: few });
      const waiting = connect(site.nginx.port, '127.0.0.1');
      waiting.write(`GET ${path} HTTP/1.1\r\nHost: repo\r\n\r\n`);
      await expect.poll(() => site.seen).toHaveLength(1);
      // The second is one too many at once; the fourth came too early as well.
      for (let number = 2; number <= 4; number += 1) {
        const response = await send(site.nginx, { path });
        expect(response.status).toBe(429);
        expect(codeOf(response)).toBe('TOO_MANY_REQUESTS');
      }
      expect(site.seen).toHaveLength(1);
      await expect(send(site.nginx, { path: '/repo' })).resolves.toMatchObject({ status: 301 });
      waiting.destroy();
    },
  );

  test('an address that sends more uploads than the service can be asked about is told to come back', async () => {
    const few = [
      { from: 'rate=500r/s;', to: 'rate=1r/m;' },
      { from: 'burst=2000 ', to: 'burst=1 ' },
    ];
    await using site = await startSite({ replacements: few });
    const upload = { method: 'PUT', path: '/upload', body: 'x' };
    const answers = [];
    for (let number = 0; number < 3; number += 1) answers.push(await send(site.nginx, upload));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 429]);
    expect(answers.map(codeOf).at(-1)).toBe('TOO_MANY_REQUESTS');
    expect(site.asked).toHaveLength(2);
  });
});

describe('/repo/', () => {
  test('is served while the service is down, with a listing for people', async () => {
    await using root = await createTempDir();
    await using nginx = await startNginx({ root: root.path, upstreamPort: await findFreePort() });
    await addFile(nginx, '9/x86_64/Packages/a-1-1.el9.noarch.rpm', 'bytes');
    const listing = await send(nginx, { path: '/repo/9/x86_64/Packages/' });
    expect(listing.headers['content-type']).toMatch(/^text\/html/);
    expect(listing.body).toContain('href="a-1-1.el9.noarch.rpm"');
    expect(listing.headers['cache-control']).toBe('no-cache');
    await symlink('..', join(nginx.storageDir, '9/link'));
    expect(codeOf(await send(nginx, { path: '/repo/9/link/' }))).toBe('NOT_FOUND');
    expect(codeOf(await send(nginx, { path: '/repo/9/none/' }))).toBe('NOT_FOUND');
    await expect(send(nginx, { path: '/repo' })).resolves.toMatchObject({
      status: 301,
      headers: { location: '/repo/' },
    });
    await expect(send(nginx, { path: '/repo/9' })).resolves.toMatchObject({
      status: 301,
      headers: { location: '/repo/9/' },
    });
    const file = await send(nginx, { path: '/repo/9/x86_64/Packages/a-1-1.el9.noarch.rpm' });
    expect(file).toMatchObject({ status: 200, body: 'bytes' });
    const head = await send(nginx, { method: 'HEAD', path: '/repo/9/x86_64/Packages/a-1-1.el9.noarch.rpm' });
    expect(head).toMatchObject({ status: 200, body: '', headers: { 'content-length': '5' } });
  });

  test.each(['PUT', 'POST', 'DELETE', 'PATCH', 'MKCOL', 'OPTIONS'])(
    'answers 405 to %s and changes nothing',
    async (method) => {
      await using site = await startSite();
      await addFile(site.nginx, '9/x86_64/a.rpm', 'before');
      await addFile(site.nginx, '9/x86_64/repodata/repomd.xml', 'before');
      await addFile(site.nginx, 'rpmyard.repo', 'before');
      for (const path of [
        '/repo/9/x86_64/a.rpm',
        '/repo/9/x86_64/repodata/repomd.xml',
        '/repo/new/',
        '/rpmyard.repo',
      ]) {
        const response = await send(site.nginx, { method, path, body: 'after' });
        expect(response.status).toBe(405);
        expect(response.headers['allow']).toBe('GET, HEAD');
        expect(codeOf(response)).toBe('METHOD_NOT_ALLOWED');
      }
      for (const path of ['/repo/9/x86_64/a.rpm', '/repo/9/x86_64/repodata/repomd.xml', '/rpmyard.repo']) {
        await expect(send(site.nginx, { path })).resolves.toMatchObject({ status: 200, body: 'before' });
      }
      expect(site.seen).toEqual([]);
    },
  );

  test('never serves or lists a name that begins with a dot, and never leaves the tree, however it is spelled', async () => {
    await using site = await startSite();
    await addFile(site.nginx, '.hidden.rpm', 'secret');
    await addFile(site.nginx, '9/.repodata/repomd.xml', 'secret');
    await addFile(site.nginx, '9/x86_64/.tmp/a.rpm', 'secret');
    await addFile(site.nginx, '../state/secret', 'secret');
    const expected = {
      '/repo/.hidden.rpm': 404,
      '/repo/%2ehidden.rpm': 404,
      '/repo/%2Ehidden.rpm': 404,
      '/repo//.hidden.rpm': 404,
      '/repo/9/../.hidden.rpm': 404,
      '/repo/9/.repodata/repomd.xml': 404,
      '/repo/9/%2erepodata/repomd.xml': 404,
      '/repo/9%2f.repodata%2frepomd.xml': 404,
      '/repo/9/.repodata/': 404,
      '/repo/9/.repodata': 404,
      '/repo/9/x86_64/.tmp/a.rpm': 404,
      '/repo/%2e%2e/state/secret': 404,
      '/repo/../state/secret': 404,
      '/repo/..%2fstate%2fsecret': 404,
      '/repo/9/%2e%2e/x86_64/%2e%2e/%2e%2e/state/secret': 404,
      '/api/%2e%2e/state/secret': 404,
      '/api/.hidden': 404,
      '/.hidden.rpm': 404,
      '/%2ehidden.rpm': 404,
      // More ".." than there are directories is no path at all.
      '/%2e%2e/state/secret': 400,
      '/../state/secret': 400,
    };
    const found = new Map<string, number | undefined>();
    for (const path of Object.keys(expected)) {
      found.set(path, (await send(site.nginx, { path })).status);
    }
    expect(Object.fromEntries(found)).toEqual(expected);
    expect(site.seen).toEqual([]);
    // No dot segment, hence the service's: but it must not be glued to the tree's own path.
    await expect(send(site.nginx, { path: '/repo../state/secret' })).resolves.toMatchObject({ body: 'OK\n' });
    await expect(send(site.nginx, { path: '/repo/' })).resolves.toMatchObject({
      body: expect.not.stringContaining('hidden'),
    });
  });

  test('refuses symbolic links to files and to directories, wherever they lead', async () => {
    await using site = await startSite();
    await addFile(site.nginx, '9/x86_64/a.rpm');
    await addFile(site.nginx, '../outside/b.rpm');
    await symlink('9/x86_64/a.rpm', join(site.nginx.storageDir, 'inside.rpm'));
    await symlink('/etc/hostname', join(site.nginx.storageDir, 'hostname.xml'));
    await symlink('../outside', join(site.nginx.storageDir, 'outside'));
    const codes = new Map<string, string | undefined>();
    for (const path of ['inside.rpm', 'hostname.xml', 'outside', 'outside/b.rpm']) {
      codes.set(path, codeOf(await send(site.nginx, { path: `/repo/${path}` })));
    }
    expect([...codes.values()]).toEqual(Array.from({ length: codes.size }, () => 'NOT_FOUND'));
  });

  test('works when what lies above the tree is a symbolic link', async () => {
    await using root = await createTempDir();
    const linked = `${root.path}/linked`;
    await mkdir(`${root.path}/real`);
    await symlink('real', linked);
    await using nginx = await startNginx({ root: linked, upstreamPort: await findFreePort() });
    await addFile(nginx, '9/x86_64/a.rpm');
    await expect(send(nginx, { path: '/repo/9/x86_64/a.rpm' })).resolves.toMatchObject({ status: 200 });
  });

  const immutable = 'max-age=31536000, immutable';
  const plain = 'text/plain; charset=utf-8';
  test.each([
    ['9/x86_64/repodata/repomd.xml', 'application/xml', 'no-cache'],
    ['9/x86_64/repodata/repomd.xml.asc', plain, 'no-cache'],
    ['9/x86_64/repodata/@1/repomd.xml', 'application/xml', immutable],
    ['9/x86_64/repodata/@1/repomd.xml.asc', plain, immutable],
    ['9/x86_64/mirrorlist', plain, 'no-cache'],
    ['RPM-GPG-KEY-rpmyard', plain, 'no-cache'],
    ['9/x86_64.repo', plain, 'no-cache'],
    [`9/x86_64/repodata/${SHA256}-primary.xml.gz`, 'application/gzip', immutable],
    [`9/x86_64/repodata/${SHA256}-primary.xml.zst`, 'application/zstd', immutable],
    ['9/x86_64/repodata/comps.xml', 'application/xml', 'no-cache'],
    ['9/x86_64/Packages/a-1-1.el9.noarch.rpm', 'application/x-rpm', immutable],
  ])('%s is %s and cached as %s', async (path, contentType, cacheControl) => {
    await using site = await startSite();
    await addFile(site.nginx, path, '0'.repeat(4000));
    const headers = { 'accept-encoding': 'gzip, deflate, br, zstd' };
    const response = await send(site.nginx, { path: `/repo/${path}`, headers });
    expect(response.status).toBe(200);
    expect(response.headers).toMatchObject({
      'content-type': contentType,
      'cache-control': cacheControl,
      'content-length': '4000',
      'x-content-type-options': 'nosniff',
    });
    // A cache that others share may keep what needed no credentials, and nothing else.
    for (const credentials of [{ 'x-signature': 'sha256=0' }, { authorization: 'Bearer x' }]) {
      const known = await send(site.nginx, { path: `/repo/${path}`, headers: credentials });
      expect(known.headers['cache-control']).toBe(`private, ${cacheControl}`);
    }
    expect(response.headers).not.toHaveProperty('content-encoding');
  });

  test('a generation has a repomd.xml of its own, and everything else in common with the repository', async () => {
    await using site = await startSite();
    for (const [path, content] of Object.entries(GENERATION_FILES)) await addFile(site.nginx, path, content);
    await symlink('repomd.xml', join(site.nginx.storageDir, '9/x86_64/repodata/link.xml'));
    for (const [path, expected] of Object.entries(GENERATION_URLS)) {
      const response = await send(site.nginx, { path: `/repo/${path}` });
      expect([response.status, response.status === 200 ? response.body : codeOf(response)], path).toEqual(
        expected,
      );
      const isRemembered = response.headers['cache-control'] === immutable;
      expect(isRemembered, path).toBe(response.status === 200 && !path.endsWith('mirrorlist'));
      expect(response.headers['cache-control'] === 'no-store', path).toBe(response.status === 404);
    }
    expect(site.seen).toEqual([]);
    // The service makes it, and shows what was asked for.
    await send(site.nginx, { path: '/repo/9/x86_64/@7/?sort=size' });
    expect(site.seen).toMatchObject([{ url: '/repo/9/x86_64/@7/?sort=size' }]);
    const put = await send(site.nginx, {
      method: 'PUT',
      path: '/repo/9/x86_64/@7/repodata/repomd.xml',
      body: 'x',
    });
    expect(put.status).toBe(405);
    expect(site.seen).toHaveLength(1);
  });

  test('a releasever as hosts call it leads to the repositories of its major number, unless there is a directory of its name', async () => {
    await using site = await startSite();
    for (const [path, content] of Object.entries(RELEASEVER_FILES)) await addFile(site.nginx, path, content);
    const [link, target] = RELEASEVER_LINK;
    await symlink(target, join(site.nginx.storageDir, link));
    for (const [path, expected] of Object.entries(RELEASEVER_URLS)) {
      const response = await send(site.nginx, { path: `/repo/${path}` });
      expect([response.status, response.status === 200 ? response.body : codeOf(response)], path).toEqual(
        expected,
      );
    }
    await expect(send(site.nginx, { path: '/repo/9.4/x86_64' })).resolves.toMatchObject({
      status: 301,
      headers: { location: '/repo/9/x86_64/' },
    });
    expect(site.seen).toEqual([]);
  });

  test('/rpmyard.repo is a file of the tree and not cached', async () => {
    await using site = await startSite();
    await addFile(site.nginx, 'rpmyard.repo', '[rpmyard]\n');
    await expect(send(site.nginx, { path: '/rpmyard.repo' })).resolves.toMatchObject({
      status: 200,
      body: '[rpmyard]\n',
      headers: { 'cache-control': 'no-cache', 'content-type': plain },
    });
    await expect(
      send(site.nginx, { path: '/rpmyard.repo', headers: { authorization: 'Bearer x' } }),
    ).resolves.toMatchObject({ headers: { 'cache-control': 'private, no-cache' } });
    expect(site.seen).toEqual([]);
  });

  test('a package that is not there is not remembered as missing', async () => {
    await using site = await startSite();
    const response = await send(site.nginx, { path: '/repo/9/x86_64/Packages/missing.rpm' });
    expect(response).toMatchObject({ status: 404, headers: { 'cache-control': 'no-store' } });
    expect(codeOf(response)).toBe('NOT_FOUND');
  });

  test('a download that broke off can be continued', async () => {
    await using site = await startSite();
    await addFile(site.nginx, 'a.rpm', '0123456789');
    const rest = await send(site.nginx, { path: '/repo/a.rpm', headers: { range: 'bytes=4-' } });
    expect(rest).toMatchObject({ status: 206, body: '456789' });
    const beyond = await send(site.nginx, { path: '/repo/a.rpm', headers: { range: 'bytes=20-' } });
    expect(beyond.status).toBe(416);
  });
});
