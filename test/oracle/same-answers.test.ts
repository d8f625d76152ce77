import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readUrlPath } from '../../src/http/hooks/plain-repository-url.ts';
import { createRandom } from '../support/random.ts';
import { type RunningNginx, startNginx } from '../support/run-nginx.ts';
import { buildTestApp, type TestApp } from '../support/test-app.ts';

// The same requests to the shipped nginx and to the service alone, over one tree.

const SHA = 'ab'.repeat(32);
const MODIFIED_SECONDS = 1_700_000_000;
const LAST_MODIFIED = 'Tue, 14 Nov 2023 22:13:20 GMT';
const ETAG = '"6553f100-a"';
const TEN_BYTES = '0123456789';
const REPOSITORY = '/repo/9/x86_64';
const PACKAGE = `${REPOSITORY}/Packages/a-1-1.el9.x86_64.rpm`;
const REPOMD = `${REPOSITORY}/repodata/repomd.xml`;

const FILES = [
  '9/x86_64/Packages/a-1-1.el9.x86_64.rpm',
  '9/x86_64/Packages/c++~1^2%25-1-1.el9.noarch.rpm',
  '9/x86_64/Packages/.hidden.rpm',
  '9/x86_64/repodata/repomd.xml',
  '9/x86_64/repodata/repomd.xml.asc',
  '9/x86_64/repodata/repomd.xml.key',
  '9/x86_64/repodata/@7/repomd.xml',
  '9/x86_64/repodata/@7/repomd.xml.asc',
  ...['xml.gz', 'xml.zst', 'xml.xz', 'xml.bz2', 'xml.zck'].map(
    (end) => `9/x86_64/repodata/${SHA}-primary.${end}`,
  ),
  '9/x86_64/mirrorlist',
  '9/x86_64.repo',
  'rpmyard.repo',
  'RPM-GPG-KEY-rpmyard',
  'odd/page.html',
  'odd/LOUD.XML',
  'odd/notes.txt',
  'odd/gz',
  'odd/a b#c?d%41.rpm',
];

// More of them, and others, when something was changed here.
const ROUNDS = Number(process.env['RPMYARD_FUZZ_ROUNDS'] ?? 200);
const SEED = Number(process.env['RPMYARD_FUZZ_SEED'] ?? 1);

let service: TestApp;
let nginx: RunningNginx;
let servicePort: number;

beforeAll(async () => {
  service = await buildTestApp();
  for (const path of FILES) await put(path, TEN_BYTES);
  await put('odd/empty.rpm', '');
  await symlink('repomd.xml', join(service.topDir, '9/x86_64/repodata/link.xml'));
  await symlink('/etc', join(service.topDir, 'link'));
  servicePort = Number(new URL(await service.app.listen({ host: '127.0.0.1', port: 0 })).port);
  nginx = await startNginx({
    root: dirname(service.topDir),
    upstreamPort: servicePort,
    // All of these listings come from one address.
    replacements: [{ from: 'rate=2r/s', to: 'rate=1000r/s' }],
  });
});

afterAll(async () => {
  await nginx.stop();
  await service[Symbol.asyncDispose]();
});

async function put(path: string, content: string): Promise<void> {
  const full = join(service.topDir, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, content);
  await utimes(full, MODIFIED_SECONDS, MODIFIED_SECONDS);
}

interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

// What clients, caches and browsers act upon.
const HEADERS = [
  'accept-ranges',
  'allow',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-security-policy',
  'content-type',
  'etag',
  'last-modified',
  'location',
  'vary',
  'x-content-type-options',
];

/** What an answer says, without what two servers need not have in common. */
async function ask(port: number, { method = 'GET', path, headers = {} }: Asked): Promise<object> {
  const body = method === 'GET' || method === 'HEAD' ? '' : 'body';
  const length = body === '' ? {} : { 'content-length': body.length };
  const options = { host: '127.0.0.1', port, method, path, headers: { ...headers, ...length }, agent: false };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    httpRequest(options, resolve).once('error', reject).end(body);
  });
  const status = answer.statusCode ?? 0;
  const boundary = /boundary=(?<boundary>\S+)$/.exec(answer.headers['content-type'] ?? '')?.groups?.[
    'boundary'
  ];
  const plain = (value: string): string =>
    boundary === undefined ? value : value.replaceAll(boundary, 'BOUNDARY');
  const sent = plain(await text(answer));
  if (status >= 400) return describeError(status, sent, answer);
  // No client reads the body of a redirect.
  const seen =
    status === 301 || status === 302
      ? ['location']
      : HEADERS.filter((name) => boundary === undefined || name !== 'content-length');
  return { status, ...(status < 300 && { body: sent }), ...pick(answer, plain, seen) };
}

function describeError(status: number, body: string, { headers }: IncomingMessage): object {
  return {
    status,
    // Of a URL that cannot be read nginx says so, and the service that a parameter is invalid.
    ...(status !== 400 && { code: /^ERROR (?<code>\w+): .+\n$/.exec(body)?.groups?.['code'] ?? body }),
    allow: headers.allow,
    // nginx has added that of the file before it looks at ranges.
    isStored: headers['cache-control']?.includes('no-store') !== true,
    'content-range': headers['content-range'],
    'content-type': headers['content-type'],
  };
}

function pick(
  { headers }: IncomingMessage,
  plain: (value: string) => string,
  names: readonly string[],
): object {
  return Object.fromEntries(
    names.map((name) => [name, headers[name] === undefined ? undefined : plain(String(headers[name]))]),
  );
}

const VERSION = { etag: ETAG, 'last-modified': LAST_MODIFIED };
const SAID_WITH: ReadonlyMap<number, object> = new Map<number, object>([
  [200, VERSION],
  [206, VERSION],
  [304, VERSION],
  [416, { 'content-range': 'bytes */10' }],
]);

async function expectTheSame(asked: Asked): Promise<Record<string, unknown>> {
  const [byNginx, alone] = [await ask(nginx.port, asked), await ask(servicePort, asked)];
  expect.soft(alone, JSON.stringify(asked)).toEqual(byNginx);
  return { ...alone };
}

describe('nginx and the service alone give the same answer', () => {
  it.each([
    [{}, 200],
    [{ 'if-match': ETAG }, 200],
    [{ 'if-match': '*' }, 200],
    [{ 'if-match': `"other", ${ETAG}` }, 200],
    [{ 'if-match': `W/${ETAG}` }, 412],
    [{ 'if-match': '"other"' }, 412],
    [{ 'if-match': 'other' }, 412],
    [{ 'if-match': '' }, 412],
    [{ 'if-unmodified-since': LAST_MODIFIED }, 200],
    [{ 'if-unmodified-since': 'Tue, 14 Nov 2023 22:13:21 GMT' }, 200],
    [{ 'if-unmodified-since': 'Tue, 14 Nov 2023 22:13:19 GMT' }, 412],
    [{ 'if-unmodified-since': 'yesterday' }, 412],
    [{ 'if-match': ETAG, 'if-unmodified-since': 'Tue, 14 Nov 2023 22:13:19 GMT' }, 412],
    [{ 'if-none-match': ETAG }, 304],
    [{ 'if-none-match': `W/${ETAG}` }, 304],
    [{ 'if-none-match': '*' }, 304],
    [{ 'if-none-match': `"other",${ETAG} , "more"` }, 304],
    [{ 'if-none-match': '"other"' }, 200],
    [{ 'if-none-match': '' }, 200],
    [{ 'if-modified-since': LAST_MODIFIED }, 304],
    [{ 'if-modified-since': 'Tuesday, 14-Nov-23 22:13:20 GMT' }, 304],
    [{ 'if-modified-since': 'Tue Nov 14 22:13:20 2023' }, 304],
    [{ 'if-modified-since': 'Tue, 14 Nov 2023 22:13:21 GMT' }, 200],
    [{ 'if-modified-since': 'Tue, 14 Nov 2023 22:13:19 GMT' }, 200],
    [{ 'if-modified-since': '2023-11-14T22:13:20Z' }, 200],
    [{ 'if-modified-since': 'Tue, 31 Feb 2023 22:13:20 GMT' }, 200],
    [{ 'if-modified-since': LAST_MODIFIED, 'if-none-match': '"other"' }, 200],
    [{ 'if-modified-since': LAST_MODIFIED, 'if-none-match': ETAG }, 304],
    [{ 'if-none-match': ETAG, 'cache-control': 'no-cache' }, 304],
    [{ 'if-none-match': ETAG, 'if-match': '"other"' }, 412],
    [{ 'if-none-match': ETAG, range: 'bytes=0-1' }, 304],
    [{ range: 'bytes=0-3' }, 206],
    [{ range: 'bytes=4-' }, 206],
    [{ range: 'bytes=-2' }, 206],
    [{ range: 'bytes=-20' }, 206],
    [{ range: 'bytes=8-100' }, 206],
    [{ range: 'bytes=8-9223372036854775806' }, 206],
    [{ range: 'BYTES=0-3' }, 206],
    [{ range: 'bytes= 0 - 3 ' }, 206],
    [{ range: 'bytes=0-1,4-5' }, 206],
    [{ range: 'bytes=0-1, -2, 20-' }, 206],
    [{ range: 'bytes=0-1,0-1,0-1,0-1,0-1' }, 206],
    [{ range: 'bytes=0-9,0-9' }, 200],
    [{ range: 'bytes=10-' }, 416],
    [{ range: 'bytes=-0' }, 416],
    [{ range: 'bytes=5-3' }, 416],
    [{ range: 'bytes=a-b' }, 416],
    [{ range: 'bytes=0-1,' }, 416],
    [{ range: 'bytes=0-1,x' }, 416],
    [{ range: 'bytes=99999999999999999999-' }, 416],
    [{ range: 'bytes=' }, 200],
    [{ range: 'lines=1-2' }, 200],
    [{ range: '0-3' }, 200],
    [{ range: 'bytes=0-3', 'if-range': ETAG }, 206],
    [{ range: 'bytes=0-3', 'if-range': `W/${ETAG}` }, 200],
    [{ range: 'bytes=0-3', 'if-range': '"other"' }, 200],
    [{ range: 'bytes=0-3', 'if-range': LAST_MODIFIED }, 206],
    [{ range: 'bytes=0-3', 'if-range': 'Tue, 14 Nov 2023 22:13:21 GMT' }, 200],
    [{ range: 'bytes=0-3', 'if-range': 'never' }, 200],
    [{ range: 'bytes=0-3', 'if-match': '"other"' }, 412],
  ] as readonly (readonly [Record<string, string>, number])[])('to %j: %i', async (headers, status) => {
    for (const path of [PACKAGE, REPOMD, `${REPOSITORY}/@7/repodata/repomd.xml`]) {
      const answer = await expectTheSame({ path, headers });
      expect(answer).toMatchObject({ status, ...SAID_WITH.get(status) });
      await expectTheSame({ path, headers, method: 'HEAD' });
    }
  });
});

describe('nginx and the service alone answer alike', () => {
  const PATHS: readonly (readonly [string, number])[] = [
    ['/repo', 301],
    ['/repo?x', 301],
    ['/repo/', 200],
    ['/repo/9', 301],
    ['/repo/9?x=1', 301],
    ['/repo/9/', 200],
    ['/repo/9/x86_64', 301],
    ['/repo/9/x86_64/', 200],
    ['/repo/9/x86_64/Packages', 301],
    ['/repo/9/x86_64/Packages/', 200],
    ['/repo/9/x86_64/repodata/', 200],
    ...FILES.map(
      (path) =>
        [
          `/repo/${path.split('/').map(encodeURIComponent).join('/')}`,
          path.includes('/.') ? 404 : 200,
        ] as const,
    ),
    ['/rpmyard.repo', 200],
    ['/repo/odd/empty.rpm', 200],
    ['/repo/odd', 301],
    ['/repo/none', 404],
    ['/repo/none/', 404],
    ['/repo/link', 404],
    ['/repo/link/', 404],
    ['/repo/link/passwd', 404],
    [`${PACKAGE}/`, 404],
    [`${PACKAGE}/more`, 404],
    [`${PACKAGE}?x=1`, 200],
    [`${PACKAGE}#x`, 200],
    ['//repo/9/x86_64.repo', 200],
    ['/repo//9///x86_64.repo', 200],
    ['/./repo/./9/./x86_64.repo', 200],
    ['/repo/./9/x86_64/.', 200],
    ['/repo/9/x86_64/..', 200],
    ['/repo/9/..', 200],
    ['/repo/..', 404],
    ['/x/../repo/9/x86_64.repo', 200],
    ['/repo/9/../9/x86_64.repo', 200],
    ['/repo/9/%2e%2e/9/x86_64.repo', 200],
    ['/repo/9%2fx86_64.repo', 200],
    ['/%72epo/9/x86_64.repo', 200],
    ['/repo/%2e/9/x86_64/@7', 301],
    ['/repo/9/x86_64//Packages', 301],
    ['/repo/../../etc/passwd', 400],
    ['/repo/%2e%2e/%2e%2e/etc/passwd', 400],
    ['/repo/../etc/passwd', 404],
    ['/repo/9/.', 200],
    ['/repo/.hidden', 404],
    ['/repo/9/x86_64/Packages/%2ehidden.rpm', 404],
    ['/repo/%00', 400],
    ['/repo/9/x86_64%00', 400],
    ['/repo/%zz', 400],
    ['/repo/%', 400],
    ['/repo/%ff', 404],
    ['/repo/%c3%a4', 404],
    [`/repo/${'x'.repeat(300)}`, 404],
    [`/repo/${'x/'.repeat(3000)}`, 404],
    ['/repo/9/x86_64/@7', 301],
    ['/repo/9/x86_64/@7?x', 301],
    ['/repo/9/x86_64/%407', 301],
    ['/repo/9/x86_64/@7/', 200],
    ['/repo/9/x86_64/@7/Packages', 301],
    ['/repo/9/x86_64/@7/Packages/', 200],
    ['/repo/9/x86_64/@7/repodata', 301],
    ['/repo/9/x86_64/@7/repodata/', 200],
    ['/repo/9/x86_64/@7/none', 404],
    ['/repo/9/x86_64/@7/none/', 404],
    ['/repo/9/x86_64/@7/mirrorlist', 200],
    ['/repo/9/x86_64/@7/Packages/a-1-1.el9.x86_64.rpm', 200],
    [`/repo/9/x86_64/@7/repodata/${SHA}-primary.xml.gz`, 200],
    ['/repo/9/x86_64/@7/repodata/repomd.xml.asc', 200],
    ['/repo/9/x86_64/@7/repodata/repomd.xml.key', 404],
    ['/repo/9/x86_64/@6', 404],
    ['/repo/9/x86_64/@6/', 404],
    ['/repo/9/x86_64/@6/Packages/', 404],
    ['/repo/9/x86_64/@6/repodata/', 404],
    ['/repo/9/x86_64/@6/mirrorlist', 404],
    ['/repo/9/x86_64/@6/repodata/repomd.xml', 404],
    // Its metadata may be gone while a client that has it still asks for packages.
    ['/repo/9/x86_64/@6/Packages/a-1-1.el9.x86_64.rpm', 200],
    [`/repo/9/x86_64/@6/repodata/${SHA}-primary.xml.gz`, 200],
    ['/repo/9/x86_64/@0/Packages/a-1-1.el9.x86_64.rpm', 404],
    ['/repo/9/x86_64/@07/Packages/a-1-1.el9.x86_64.rpm', 404],
    ['/repo/9/x86_64/@/', 404],
    ['/repo/9/x86_64/@7/@7/', 404],
    ['/repo/@7/9/x86_64/', 404],
    ['/repo/9/x86_64/repodata/@7', 301],
    ['/repo/9/x86_64/repodata/@7/', 200],
    ['/repo/9/none/@7/', 404],
    ['/repo/9/x86_64/%0a/@7', 404],
  ];

  it.each(PATHS)('for %s: %i', async (path, status) => {
    expect(await expectTheSame({ path })).toMatchObject({ status });
    await expectTheSame({ path, method: 'HEAD' });
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'MKCOL'])(
    'to %s, which changes nothing',
    async (method) => {
      for (const path of [
        PACKAGE,
        REPOMD,
        '/repo/',
        '/repo/9',
        '/repo/none',
        '/rpmyard.repo',
        '/repo/9/x86_64/@7/',
        '/repo/9/x86_64/mirrorlist',
      ])
        expect(await expectTheSame({ path, method })).toMatchObject({
          status: 405,
          code: 'METHOD_NOT_ALLOWED',
          allow: 'GET, HEAD',
        });
    },
  );
});

describe('nginx and the service alone agree about whatever is put together of', () => {
  const random = createRandom(SEED);
  const some = <T>(choices: readonly T[]): T => random.pick(choices);
  const several = <T>(choices: readonly T[], most: number): T[] =>
    Array.from({ length: random.below(most + 1) }, () => some(choices));

  const DATES = [
    LAST_MODIFIED,
    'Tue, 14 Nov 2023 22:13:21 GMT',
    'Tuesday, 14-Nov-23 22:13:20 GMT',
    'Tue Nov 14 22:13:20 2023',
    'Tue, 1 Nov 2023 22:13:20 GMT',
    'x, 14 Nov 2023 22:13:20',
    '14 Nov 2023 22:13:20 GMT',
    'Tue, 14 nov 2023 22:13:20 GMT',
    'Tue, 14 Nov 2023 24:13:20 GMT',
    '',
    '0',
    'Tue Nov  4 22:13:20 2023',
    'Tue, 30 Feb 2023 22:13:20 GMT',
    'Tue, 29 Feb 2024 22:13:20 GMT',
    'Tue,14 Nov 2023 22:13:20 GMT',
  ];
  const ETAGS = [ETAG, `W/${ETAG}`, '"x"', '*', ETAG.slice(1, -1), `${ETAG}x`, '""', ',', ' '];
  const RANGES = [
    '0-',
    '0-0',
    '1-2',
    '-1',
    '-0',
    '9-',
    '10-',
    '-100',
    '3-1',
    ' 2 - 4',
    '5 -',
    '',
    'x',
    '1',
    '-',
    '--1',
    '0-0-0',
    '00-01',
    '+1-2',
    '9223372036854775807-',
    '0-9223372036854775808',
    '-9223372036854775809',
  ];
  const HEADERS_OF: Readonly<Record<string, () => string>> = {
    'if-match': () => several(ETAGS, 3).join(some([',', ', ', ' ,', ' '])),
    'if-none-match': () => several(ETAGS, 3).join(some([',', ', ', ' ,', ' '])),
    'if-modified-since': () => some(DATES),
    'if-unmodified-since': () => some(DATES),
    'if-range': () => some([...DATES, ...ETAGS]),
    range: () =>
      some(['bytes=', 'bytes=', 'bytes=', 'Bytes=', 'bytes =', ' bytes=', 'items=', '']) +
      several(RANGES, 4).join(some([',', ', ', ' ,'])),
  };
  const SEGMENTS = [
    '9',
    'x86_64',
    'Packages',
    'repodata',
    '@7',
    '@6',
    '%407',
    'repomd.xml',
    'a-1-1.el9.x86_64.rpm',
    'mirrorlist',
    '.',
    '..',
    '%2e',
    '%2E%2e',
    '',
    '%2f',
    '.hidden',
    'odd',
    'empty.rpm',
    'link',
    '%20',
    '%',
    '%3f',
    '%23',
    '?',
    '#',
    'a%20b%23c%3fd%2541.rpm',
    `${SHA}-primary.xml.gz`,
    'repo',
    '..%2f',
    '%5c',
    '\\',
    ';',
    '+',
    '%c3',
    'RPMYARD.repo',
    'rpmyard.repo',
  ];

  it('conditions and ranges', async () => {
    for (let number = 0; number < ROUNDS; number += 1) {
      const names = Object.keys(HEADERS_OF).filter(() => random.below(3) === 0);
      const headers = Object.fromEntries(names.map((name) => [name, HEADERS_OF[name]?.() ?? '']));
      const path = some([
        PACKAGE,
        REPOMD,
        '/repo/odd/empty.rpm',
        '/repo/9/x86_64/mirrorlist',
        '/rpmyard.repo',
      ]);
      await expectTheSame({ path, headers, method: some(['GET', 'GET', 'HEAD']) });
    }
  });

  it('segments of a path', async () => {
    for (let number = 0; number < ROUNDS; number += 1) {
      const prefix = some(['/repo/', '/repo/9/x86_64/', '/repo/9/x86_64/@7/', '//repo/', '/./repo/']);
      const path = prefix + several(SEGMENTS, 6).join('/');
      // What lies outside of the tree is not compared.
      if (readUrlPath(path)?.startsWith('/repo/') !== true) continue;
      expect(await expectTheSame({ path })).toHaveProperty('status');
    }
  });
});
