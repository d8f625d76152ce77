import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashToken, newToken } from '../../src/trust/token-hash.ts';
import { craftRpm, type CraftSpec } from '../support/craft-rpm.ts';
import { createFakeTus } from '../support/fake-tus.ts';
import { findFreePort } from '../support/free-port.ts';
import { isLongRun } from '../support/is-long-run.ts';
import { BATCH_FACTS, outcomeOf } from '../support/push-options.ts';
import { runPush, startPush } from '../support/run-push.ts';
import { BIN } from '../support/run-rpmyard.ts';
import { type RunningService, startService } from '../support/run-service.ts';
import { type Exchanged, startScriptedServer } from '../support/scripted-server.ts';
import { shareSite } from '../support/share-site.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const MIB = 1024 * 1024;

let dir: TempDir;

beforeEach(async () => {
  dir = await createTempDir();
});

afterEach(() => dir.remove());

async function put(name: string, spec: CraftSpec = {}): Promise<string> {
  const path = join(dir.path, `${name}.rpm`);
  await writeFile(path, craftRpm({ name, version: '1.0', release: '1.el9', ...spec }));
  return path;
}

/** Takes bodies directly, as none of these tests is about nginx. */
const start = (port?: number, config = {}): Promise<RunningService> =>
  startService({ root: join(dir.path, 'srv'), config, ...(port !== undefined && { port }) });

const packagesIn = async (service: RunningService, repository: string): Promise<readonly string[]> =>
  (await readdir(join(service.storageDir, repository, 'Packages'))).toSorted();

/** A service for several tests, and its files. */
async function startForAll(): Promise<RunningService> {
  const root = await createTempDir();
  const service = await startService({ root: root.path });
  return Object.assign(service, {
    [Symbol.asyncDispose]: async () => {
      await service.stop();
      await root.remove();
    },
  });
}

describe('rpmyard push', () => {
  const shared = shareSite(startForAll);
  const count = isLongRun ? 500 : 150;

  it(`brings ${count} packages to a service that is killed and started again twice meanwhile, each once`, async () => {
    const names = Array.from({ length: count }, (_, index) => `pkg${index}`);
    await Promise.all(names.map((name) => put(name, { arch: 'x86_64' })));
    const first = await start();
    const push = startPush(['--jobs', '8', '--wait', '--url', first.baseUrl, join(dir.path, '*.rpm')]);
    await push.whenSaid(count / 5);
    await first.kill();
    const second = await start(first.port);
    await push.whenSaid(count / 2);
    await second.kill();
    await using third = await start(first.port);

    const { exitCode, stdout, stderr } = await push.ended;
    expect({
      exitCode,
      stderr: stderr.replaceAll(/^SERVICE_UNREACHABLE: .*; trying again in .* s\n/gm, ''),
    }).toEqual({
      exitCode: 0,
      stderr: '',
    });
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(count + 1);
    expect(lines.at(-1)).toMatch(
      new RegExp(`^${count} packages in [\\d.]+ s: \\d+ created(?:, \\d+ unchanged)?, all in the index$`),
    );
    // As many failures as jobs, and a line or two a pause.
    expect(stderr.split('\n').length).toBeLessThan(20);
    expect(await packagesIn(third, '9/x86_64')).toEqual(
      names.map((name) => `${name}-1.0-1.el9.x86_64.rpm`).toSorted(),
    );
    expect(await readdir(third.incomingDir)).toEqual([]);
    expect(await readdir(third.spoolDir)).toEqual([]);
  });

  it('says a plain line for each package and a summary, none wider than 80 columns', async () => {
    await using service = await start(undefined, {
      layout: { noarch: ['x86_64', 'aarch64', 'ppc64le', 's390x', 'i386', 'armhfp'] },
    });
    const paths = [await put('hello', { arch: 'noarch' }), await put('world', { arch: 'x86_64' })];
    const { exitCode, stdout, stderr } = await runPush(['--jobs', '1', ...paths], {
      RPMYARD_URL: service.baseUrl,
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout.replace(/[\d.]+ s/, '1.0 s').split('\n')).toEqual([
      'created hello-1.0-1.el9.noarch in 9/x86_64 and 5 more',
      'created world-1.0-1.el9.x86_64 in 9/x86_64',
      '2 packages in 1.0 s: 2 created',
      '',
    ]);
    const again = await runPush([...paths, '--wait'], { RPMYARD_URL: `${service.baseUrl}/upload` });
    expect(again.stdout).toMatch(/2 packages in [\d.]+ s: 2 unchanged, all in the index\n$/);
  });

  it('takes the others when one is in conflict, and says why on standard error', async () => {
    const service = shared();
    const old = await put('in-conflict', { arch: 'x86_64' });
    expect(await runPush([old, '--url', service.baseUrl])).toMatchObject({ exitCode: 0 });
    const changed = await put('in-conflict', { arch: 'x86_64', summary: 'other bytes' });
    const { exitCode, stdout, stderr } = await runPush([
      changed,
      await put('a', { arch: 'x86_64' }),
      await put('z', { arch: 'x86_64' }),
      `--url=${service.baseUrl}`,
    ]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/3 packages in [\d.]+ s: 2 created, 1 refused\n$/);
    const [first, hint] = stderr.split('\n');
    expect(first).toMatch(new RegExp(`^${changed}: PACKAGE_CONFLICT: .*stored sha256`));
    expect(hint).toContain('raise the release number');
    expect(await packagesIn(service, '9/x86_64')).toEqual(
      expect.arrayContaining(['a', 'in-conflict', 'z'].map((name) => `${name}-1.0-1.el9.x86_64.rpm`)),
    );
  });

  it('prints one JSON document with --json', async () => {
    const service = shared();
    const good = await put('as-json', { arch: 'x86_64' });
    const bad = join(dir.path, 'bad.rpm');
    await writeFile(bad, 'no package');
    const { exitCode, stdout } = await runPush(['--json', good, bad, '--url', service.baseUrl]);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      files: [
        {
          file: good,
          status: 'created',
          attempts: 1,
          nevra: 'as-json-1.0-1.el9.x86_64',
          places: [{ repository: '9/x86_64' }],
        },
        { file: bad, status: 'refused', attempts: 1, code: 'RPM_MALFORMED' },
      ],
      exitCode: 1,
    });
  });

  it('shows the token of the environment or of a file, and says where it was built', async () => {
    const token = newToken();
    await using service = await start(undefined, {
      access: { tokens: [{ name: 'ci', hash: hashToken(token), upload: ['9/*'] }] },
    });
    const file = join(dir.path, 'token');
    await writeFile(file, `${token}\n`);
    const rpm = await put('hello', { arch: 'x86_64' });
    const push = (env: Readonly<Record<string, string>>, ...args: readonly string[]) =>
      runPush([rpm, '--url', service.baseUrl, ...args], env);
    expect(await push({})).toMatchObject({ exitCode: 1 });
    expect(await push({ RPMYARD_TOKEN: token, BUILD_URL: 'http://ci.example.com/job/7' })).toMatchObject({
      exitCode: 0,
    });
    expect(await push({ RPMYARD_TOKEN_FILE: file })).toMatchObject({ exitCode: 0 });
    expect(await push({ RPMYARD_TOKEN: 'wrong' }, '--token-file', file)).toMatchObject({ exitCode: 0 });
    const audit = await readFile(join(service.stateDir, 'audit.log'), 'utf8');
    expect(audit).toContain('"buildUrl":"http://ci.example.com/job/7"');
  });

  it('sends no large file to a service that does not know its token', async () => {
    await using service = await start(undefined, {
      access: { tokens: [{ name: 'ci', hash: hashToken(newToken()), upload: ['9/*'] }] },
    });
    const large = join(dir.path, 'large.rpm');
    await writeFile(large, Buffer.alloc(60_000_000));
    const { exitCode, stderr } = await runPush([large, '--url', service.baseUrl], { RPMYARD_TOKEN: 'wrong' });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('CREDENTIALS_INVALID');
    const refusal = service.log.find(({ code }) => code === 'CREDENTIALS_INVALID');
    expect(refusal).toBeDefined();
    expect(await readdir(service.spoolDir)).toEqual([]);
  });

  it('exits 3 when the service is not there for as long as was said', async () => {
    const url = `http://127.0.0.1:${await findFreePort()}`;
    const { exitCode, stdout, stderr } = await runPush([await put('hello'), '--url', url, '--timeout', '1']);
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/SERVICE_UNREACHABLE: .*ECONNREFUSED.*; trying again in [01]\.\d s\n/);
    expect(stderr).toContain('hello.rpm: SERVICE_UNREACHABLE');
    expect(stdout).toMatch(/1 package in [\d.]+ s: 1 failed\n$/);
  });

  it.each([
    ['no file', []],
    ['a file that is not there', ['gone.rpm']],
    ['a pattern that nothing matches', ['gone*.rpm']],
    ['a URL with a password', ['--url', 'http://ci:secret@127.0.0.1:1/upload', BIN]],
    ['a number that is none', ['--jobs', '0', BIN]],
    ['a time that is none', ['--timeout', '1h', BIN]],
    ['a token file that is not there', ['--token-file', '/gone', BIN]],
    ['a batch that cannot be', ['--batch-id', '../x', BIN]],
  ])('refuses %s as wrong usage, and sends nothing', async (_, args) => {
    await using server = await startScriptedServer(({ answer }) => answer(500, {}));
    const { exitCode, stdout, stderr } = await runPush(args, { RPMYARD_URL: server.baseUrl });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain('PARAMETER_INVALID');
    expect(stderr).not.toContain('secret');
    expect(server.seen).toEqual([]);
  });

  it('needs to be told which service', async () => {
    expect(await runPush([await put('hello')])).toMatchObject({ exitCode: 2 });
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends at once with %s, and drops the batch it began', async (signal, expected) => {
    const asked = Promise.withResolvers<void>();
    await using server = await startScriptedServer(({ seen, answer }) => {
      if (seen.method === 'DELETE') return answer(204);
      // The upload is never answered.
      return asked.resolve();
    });
    const push = startPush(['--batch', await put('hello'), '--url', server.baseUrl]);
    await asked.promise;
    push.kill(signal);
    const { exitCode, stderr } = await push.ended;
    expect(exitCode).toBe(expected);
    const id = String(server.seen[0]?.headers['x-batch']);
    expect(stderr).toBe(
      `interrupted; the same command again sends what is missing\nbatch ${id}: nothing of it is published, and nothing of it is on the service\n`,
    );
    expect(server.seen.at(-1)).toMatchObject({ method: 'DELETE', path: `/api/v1/batches/${id}` });
  });

  it('leaves a batch that the user named as it is when it is interrupted', async () => {
    const asked = Promise.withResolvers<void>();
    await using server = await startScriptedServer(({ seen, answer }) => {
      if (seen.method === 'PUT') return asked.resolve();
      return answer(200, {
        ...BATCH_FACTS,
        batch: 'nightly',
        state: 'staged',
        packages: [],
      });
    });
    const push = startPush(['--batch-id', 'nightly', await put('hello'), '--url', server.baseUrl]);
    await asked.promise;
    push.kill('SIGTERM');
    const { exitCode, stderr } = await push.ended;
    expect(exitCode).toBe(143);
    expect(stderr).toBe(
      `interrupted; the same command again sends what is missing\nbatch nightly: nothing of it is published; it stays on the service until 2026-01-02T03:04:05Z, and the same command goes on with it; drop it, with the token, by\n  curl -X DELETE ${server.baseUrl}/api/v1/batches/nightly\n`,
    );
    expect(server.seen.map(({ method }) => method)).not.toContain('DELETE');
  });

  it('sends nothing more once its token was refused, and says what was not sent', async () => {
    await using server = await startScriptedServer(async ({ answer, takeBody }) => {
      await takeBody();
      return answer(401, { code: 'CREDENTIALS_INVALID', detail: 'no such token', hint: 'check it' });
    });
    const paths = await Promise.all(['a', 'b', 'c'].map((name) => put(name)));
    const push = (...args: readonly string[]) =>
      runPush(['--jobs', '1', '--url', server.baseUrl, ...args, ...paths]);
    const { exitCode, stdout, stderr } = await push();
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^3 packages in [\d.]+ s: 1 refused, 2 not sent\n$/);
    expect(stderr).toBe(`${paths[0]}: CREDENTIALS_INVALID: no such token\n  check it\n`);
    expect(JSON.parse((await push('--json')).stdout)).toMatchObject({
      files: [
        { status: 'refused', attempts: 1 },
        { file: paths[1], status: 'unsent', attempts: 0 },
        { file: paths[2], status: 'unsent', attempts: 0 },
      ],
      exitCode: 1,
    });
    expect(server.seen).toHaveLength(2);
    expect((await push('--batch')).stderr).toContain('nothing of it is on the service');
    expect(server.seen).toHaveLength(3);
  });

  it('says with every request of a large file where it was built', async () => {
    await using server = await startScriptedServer(createFakeTus({ cutAt: [20 * MIB] }));
    const large = join(dir.path, 'large.rpm');
    await writeFile(large, 'x');
    await truncate(large, 65 * MIB);
    const BUILD_URL = 'http://ci.example.com/job/7';
    expect(await runPush([large, '--url', server.baseUrl], { BUILD_URL })).toMatchObject({ exitCode: 0 });
    expect(server.seen.map(({ method }) => method)).toEqual(['POST', 'PATCH', 'GET', 'HEAD', 'PATCH']);
    expect(server.seen.map(({ headers }) => headers['x-build-url'])).toEqual(Array(5).fill(BUILD_URL));
  });

  describe('with a batch that ends otherwise than it should', () => {
    /** Takes members; says of everything else what the test says. */
    const pushBatch = async (
      args: readonly string[],
      script: (exchanged: Exchanged, document: (state: string) => object) => void,
    ) => {
      await using server = await startScriptedServer(async (exchanged) => {
        await exchanged.takeBody();
        const sha256 = String(server.seen[0]?.headers['x-checksum-sha256']);
        const member = (state: string): object => ({ ...outcomeOf(sha256, 'staged', state), batch: 'b' });
        if (exchanged.seen.method === 'PUT') return exchanged.answer(202, member('staged'));
        return script(exchanged, (state) => ({
          ...BATCH_FACTS,
          batch: 'b',
          state,
          packages: [member('waiting')],
        }));
      });
      const { exitCode, stdout, stderr } = await runPush([
        ...args,
        await put('hello'),
        '--url',
        server.baseUrl,
      ]);
      const id = String(server.seen[0]?.headers['x-batch']);
      return {
        exitCode,
        lines: stdout.replace(/[\d.]+ s/, '1.0 s').split('\n'),
        stderr: stderr.replaceAll(id, 'ID').replaceAll(server.baseUrl, 'http://host'),
      };
    };
    const refusal = { code: 'BATCH_REFUSED', detail: 'not placed', hint: 'mend it', refused: [] };
    const STAGED = 'staged hello-1.0-1.el9.x86_64 in 9/x86_64';

    it('drops one that was refused, and says so', async () => {
      const result = await pushBatch(['--batch'], ({ seen: { method }, answer }, document) => {
        if (method === 'GET') return answer(200, document('staged'));
        return method === 'DELETE' ? answer(204) : answer(409, refusal);
      });
      expect(result).toEqual({
        exitCode: 1,
        lines: [STAGED, '1 package in 1.0 s: 1 staged', ''],
        stderr:
          'batch ID: BATCH_REFUSED: not placed\n  mend it\nbatch ID: it is dropped: nothing of it is published, and nothing of it is on the service\n',
      });
    });

    it('says how to drop one with a name of its own that was refused', async () => {
      const result = await pushBatch(['--batch-id', 'b-7'], ({ seen: { method }, answer }, document) =>
        method === 'GET' ? answer(200, document('staged')) : answer(409, refusal),
      );
      expect(result.exitCode).toBe(1);
      expect(result.stderr).toBe(
        `batch ID: BATCH_REFUSED: not placed\n  mend it\nbatch ID: nothing of it is published, and it stays on the service until ${BATCH_FACTS.keptUntil}; drop it, with the token, by\n  curl -X DELETE http://host/api/v1/batches/ID\n`,
      );
    });

    it('never says to drop one that is committed', async () => {
      const result = await pushBatch(
        ['--batch', '--wait', '--timeout', '1'],
        ({ seen: { method }, answer }, document) =>
          method === 'GET'
            ? answer(200, document('committed'))
            : answer(503, { code: 'INDEX_FAILED', detail: 'no index', hint: 'look at it' }),
      );
      expect({
        ...result,
        stderr: result.stderr.replaceAll(/^.*; trying again in .* s\n/gm, ''),
      }).toEqual({
        exitCode: 4,
        lines: [STAGED, '1 package in 1.0 s: 1 not in the index yet', ''],
        stderr:
          'batch ID: INDEX_FAILED: no index\n  look at it\nbatch ID: it is accepted, and the service goes on with it\n',
      });
    });

    it('says where to ask for one of which nothing is known', async () => {
      const { exitCode, stderr } = await pushBatch(['--batch', '--timeout', '1'], ({ cut }) => cut());
      expect(exitCode).toBe(3);
      expect(stderr).toMatch(
        /\nbatch ID: it is not known whether it is published; ask with\n  curl http:\/\/host\/api\/v1\/batches\/ID\n$/,
      );
    });
  });

  it('says that a batch is published when the interruption came too late', async () => {
    const asked = Promise.withResolvers<void>();
    await using server = await startScriptedServer(async ({ seen, answer, takeBody }) => {
      await takeBody();
      const sha256 = String(server.seen[0]?.headers['x-checksum-sha256']);
      if (seen.method === 'PUT') return answer(202, outcomeOf(sha256, 'staged', 'staged'));
      // The commit is never answered.
      if (seen.method === 'POST') return asked.resolve();
      if (seen.method === 'DELETE') return answer(409, { code: 'BATCH_COMMITTED', detail: 'no', hint: 'no' });
      return answer(200, {
        ...BATCH_FACTS,
        batch: 'b',
        state: 'committed',
        packages: [outcomeOf(sha256, 'created')],
      });
    });
    const push = startPush(['--batch', await put('hello'), '--url', server.baseUrl]);
    await asked.promise;
    push.kill('SIGINT');
    const { exitCode, stderr } = await push.ended;
    expect(exitCode).toBe(130);
    expect(stderr).toMatch(/\nbatch push-[0-9a-f-]{36}: it is published\n$/);
  });

  it('shows on a terminal how far it is, and takes that away before each line', async () => {
    const service = shared();
    const paths = await Promise.all(['t1', 't2', 't3'].map((name) => put(name, { arch: 'x86_64' })));
    const command = [process.execPath, BIN, 'push', '--url', service.baseUrl, ...paths].join(' ');
    const { stdout } = await execa('script', ['-qec', command, '/dev/null'], { stdin: 'ignore' });
    expect(stdout).toMatch(/sending \[[# ]{30}\] \d of 3, \d\.\d of \d\.\d MB/);
    for (const line of stdout.split('\n')) {
      // What is left to be seen: the text after the last time that the line was cleared.
      expect(line.split('\u001b[K').at(-1)?.trimEnd()).toMatch(/^$|^created |^3 packages in/);
    }
  });

  it('sends everything also when its output is not read', async () => {
    for (let index = 0; index < 20; index += 1) await put(`quiet${index}`);
    const service = shared();
    const script = `set -o pipefail; "$0" push --url ${service.baseUrl} ${dir.path}/quiet*.rpm | head -1`;
    const { exitCode, stderr } = await execa('bash', ['-c', script, BIN], { reject: false });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const stored = await packagesIn(service, '9/x86_64');
    expect(stored.filter((name) => name.startsWith('quiet'))).toHaveLength(20);
  });
});
