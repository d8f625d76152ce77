import { chmod, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { lacks } from '../support/lacks.ts';
import { openSocket, putHeader, readToEnd } from '../support/raw-socket.ts';
import { runRpmyard } from '../support/run-rpmyard.ts';
import { type LogLine, startService } from '../support/run-service.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { putPackage } from '../support/send-request.ts';
import { createTempDir } from '../support/temp-dir.ts';
import { visibleIn } from '../support/visible-in.ts';

/** Of nobody and nogroup on every distribution. */
const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
/** More than nginx's client_body_buffer_size, so that a spool file exists while the body still arrives. */
const PAYLOAD = Buffer.alloc(600_000, 1);
const CURL_CANNOT_CONNECT = 7;
const WARNING = 40;
const OLDER_CONF = new URL('../upgrade/fixture/rpmyard.conf', import.meta.url);

const socketOf = ({ stateDir }: Site): string => join(stateDir, 'rpmyard.sock');

/** What a user of this machine says to the service itself, past nginx. */
async function tell(
  whom: readonly string[],
  ...args: readonly string[]
): Promise<{ readonly exitCode: number; readonly stdout: string }> {
  const [command = 'curl', ...rest] = [...whom, 'curl', '--silent', '--max-time', '20', ...args];
  const { exitCode = -1, stdout } = await execa(command, rest, { reject: false, cwd: '/' });
  return { exitCode, stdout };
}

/** The path to a spool file that nginx still writes, as its uploader would guess it, and what ends that upload. */
async function uploadSlowly(
  site: Site,
  bytes: Buffer,
): Promise<{ path: string; end: () => Promise<string> }> {
  const tail = Buffer.alloc(300_000, 'Z');
  const socket = await openSocket(site.baseUrl);
  socket.write(Buffer.concat([putHeader(bytes.length + tail.length), bytes]));
  const path = await eventually(async () => {
    const [name] = await readdir(site.spoolDir);
    expect(name).toMatch(/^[0-9]{10}$/);
    const found = join(site.spoolDir, name ?? '');
    expect((await stat(found)).size).toBeGreaterThan(0);
    return found;
  });
  return {
    path,
    end: async () => {
      socket.write(tail);
      return readToEnd(socket);
    },
  };
}

/** Nothing but the rights of the socket and of its directory keeps others out. */
async function openTheWay(site: Site): Promise<void> {
  for (const folder of [site.workDir, site.root]) await chmod(folder, 0o755);
}

const isAboutAddress = ({ level, msg }: LogLine): boolean =>
  level === WARNING && msg.startsWith('server.address: ');

describe.skipIf(lacks('root'))('another user of the machine (needs root)', () => {
  test('cannot name the spool file of an upload, nor change a package through one that still grows', async () => {
    await using site = await startSite();
    await openTheWay(site);
    const { path, end } = await uploadSlowly(site, craftRpm({ name: 'slow', payload: PAYLOAD }));
    const socket = ['--unix-socket', socketOf(site)];
    const steal = ['-X', 'PUT', '-H', `X-Package-Name: ${path}`, 'http://localhost/upload'];
    expect(await tell(AS_NOBODY, ...socket, ...steal)).toMatchObject({ exitCode: CURL_CANNOT_CONNECT });
    // The socket's own rights, should the directory be opened.
    await chmod(site.stateDir, 0o755);
    expect(await tell(AS_NOBODY, ...socket, ...steal)).toMatchObject({ exitCode: CURL_CANNOT_CONNECT });
    expect(await tell([], ...socket, 'http://localhost/healthz')).toMatchObject({
      exitCode: 0,
      stdout: 'OK',
    });
    // The package and what follows it are no package.
    expect(await end()).toMatch(/^HTTP\/1\.1 400 /);
    expect(await visibleIn(site.storageDir)).toEqual(['rpmyard.repo']);
  });

  test('can do so on a port, of which the service warns', async () => {
    await using site = await startSite({ upstream: 'port' });
    await openTheWay(site);
    const { path, end } = await uploadSlowly(site, craftRpm({ name: 'slow', payload: PAYLOAD }));
    const url = `${site.service.baseUrl}/upload`;
    const { stdout } = await tell(AS_NOBODY, '-X', 'PUT', '-H', `X-Package-Name: ${path}`, url);
    // What has arrived of it was read.
    expect(stdout).toMatch(/^ERROR RPM_/);
    await end();
    expect(await site.service.whenLogged(isAboutAddress)).toBeDefined();
  });
});

test.each([0o000, 0o022, 0o077])(
  'only its own user may connect to a socket of the service, with a umask of %o',
  async (umask) => {
    await using dir = await createTempDir();
    const socketPath = join(dir.path, 'rpmyard.sock');
    const mask = umask.toString(8);
    const wrapper = ['sh', '-c', `umask ${mask}; exec "$@"`, 'sh'];
    const service = await startService({ root: join(dir.path, 'site'), socketPath, wrapper });
    try {
      await eventually(async () => expect((await stat(socketPath)).mode & 0o777).toBe(0o600));
    } finally {
      await service.stop();
    }
  },
);

describe('a service behind nginx', () => {
  test('on its socket takes uploads and commands of its machine, and has nothing to warn of', async () => {
    await using site = await startSite();
    expect(await putPackage(site.baseUrl, craftRpm(), 'wait=50')).toMatchObject({ status: 201 });
    const { configPath, log } = site.service;
    expect(await runRpmyard('reindex', '-c', configPath)).toMatchObject({ exitCode: 0 });
    expect(await runRpmyard('verify', '-c', configPath)).toMatchObject({ exitCode: 0 });
    expect(await runRpmyard('check-config', configPath)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(log.filter(isAboutAddress)).toEqual([]);
  });

  test('on its port works with an older file for nginx, and says what to change', async () => {
    await using site = await startSite({ upstream: 'port', confFile: OLDER_CONF });
    expect(await putPackage(site.baseUrl, craftRpm(), 'wait=50')).toMatchObject({ status: 201 });
    const { msg } = await site.service.whenLogged(isAboutAddress);
    const { exitCode, stderr } = await runRpmyard('check-config', site.service.configPath);
    expect(exitCode).toBe(0);
    for (const text of [msg, stderr]) {
      expect(text).toContain(`address: ${socketOf(site)}`);
      expect(text).toContain(`server unix:${socketOf(site)};`);
    }
  });
});
