import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { craftRpm } from '../../support/craft-rpm.ts';
import { eventually } from '../../support/eventually.ts';
import { findFreePort } from '../../support/free-port.ts';
import { openNotifySocket } from '../../support/notify-socket.ts';
import { BIN } from '../../support/run-rpmyard.ts';
import { createTempDir, type TempDir } from '../../support/temp-dir.ts';

let dir: TempDir;
let socket: string;

beforeEach(async () => {
  dir = await createTempDir();
  socket = join(dir.path, 'rpmyard.sock');
});

afterEach(() => dir.remove());

interface Activated extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  readonly whenExited: Promise<number | null>;
}

/** systemd-socket-activate opens the sockets and becomes the service at the first connection. */
async function activate(
  address: Readonly<Record<string, unknown>>,
  listen: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Activated> {
  const configPath = join(dir.path, 'config.yml');
  await mkdir(join(dir.path, 'repo'), { recursive: true });
  const config = {
    server: { upload_header: '', ...address },
    repo: { top_dir: join(dir.path, 'repo/storage') },
    index_updater: { quiet_seconds: 0 },
    log: { name: 'stderr' },
  };
  await writeFile(configPath, JSON.stringify(config));
  const passed = Object.entries(env).map(([name, value]) => `--setenv=${name}=${value}`);
  const args = [
    ...listen.map((path) => `--listen=${path}`),
    ...passed,
    '--setenv=PATH',
    process.execPath,
    BIN,
  ];
  const child = spawn('systemd-socket-activate', [...args, 'serve', '-c', configPath], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    stderr += piece;
  });
  const whenExited = once(child, 'close').then(([code]): number | null => code);
  await eventually(() => expect(stderr.match(/Listening on/g)).toHaveLength(listen.length));
  return {
    child,
    stderr: () => stderr,
    whenExited,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await whenExited;
    },
  };
}

/** As a program that was killed leaves it: no process listens. */
async function leaveSocketFile(path: string): Promise<void> {
  const code = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await execa(process.execPath, ['-e', code], { reject: false });
  expect(existsSync(path)).toBe(true);
}

/** Each name that is served, with its inode and time. */
async function snapshotOf(directory: string): Promise<readonly (readonly [string, number, number])[]> {
  const names = (await readdir(directory, { recursive: true })).filter((name) => !name.startsWith('.'));
  return Promise.all(
    names.toSorted().map(async (name) => {
      const { ino, mtimeMs } = await stat(join(directory, name));
      return [name, ino, mtimeMs] as const;
    }),
  );
}

const curl = async (...args: readonly string[]): Promise<string> => {
  const { stdout } = await execa('curl', ['--silent', '--show-error', '--max-time', '30', ...args]);
  return stdout;
};

describe('a service whose socket systemd opened', () => {
  it('takes uploads on it, leaves its file, and can be started on it again', async () => {
    const rpm = join(dir.path, 'hello.rpm');
    await writeFile(rpm, craftRpm({ name: 'hello', release: '1.el9', arch: 'x86_64' }));
    for (const expected of ['201', '200']) {
      await using service = await activate({ address: socket }, [socket]);
      const status = await curl(
        '--unix-socket',
        socket,
        '-w',
        '%{http_code}',
        '-o',
        '/dev/null',
        '-T',
        rpm,
        'http://repo/upload/',
      );
      expect(status).toBe(expected);
      service.child.kill('SIGTERM');
      expect(await service.whenExited).toBe(0);
      expect(existsSync(socket)).toBe(true);
    }
  });

  it('tells systemd that it is ready only then', async () => {
    await using systemd = await openNotifySocket();
    await using service = await activate({ address: socket }, [socket], {
      NOTIFY_SOCKET: systemd.path,
      WATCHDOG_USEC: '3600000000',
    });
    expect(await curl('--unix-socket', socket, 'http://repo/healthz')).toBe('OK');
    await eventually(() => expect(systemd.messages.join('|')).toContain('READY=1 STATUS=Serving'));
    service.child.kill('SIGTERM');
    await service.whenExited;
    const [first, second, third, ready] = systemd.messages;
    expect([first, second, third]).toEqual([
      'WATCHDOG=1',
      expect.stringMatching(/^STATUS=Taking .*storage/),
      'STATUS=Taking up the repositories',
    ]);
    expect(ready).toMatch(new RegExp(`^READY=1 STATUS=Serving .* on ${socket}$`));
    expect(systemd.messages.at(-1)).toMatch(/^STOPPING=1 /);
  });

  it('listens on a passed port', async () => {
    const port = await findFreePort();
    await using service = await activate({ address: '127.0.0.1', port }, [`127.0.0.1:${port}`]);
    expect(await curl(`http://127.0.0.1:${port}/healthz`)).toBe('OK');
    expect(service.stderr()).toContain(`listening on http://127.0.0.1:${port}, serving`);
    expect(service.child.exitCode).toBeNull();
  });

  it('does not start on another one than is configured', async () => {
    const port = await findFreePort();
    const other = join(dir.path, 'other.sock');
    const killed = join(dir.path, 'killed.sock');
    await leaveSocketFile(killed);
    for (const [address, listen] of [
      [{ address: other }, socket],
      [{ address: killed }, socket],
      [{ address: '127.0.0.1', port }, socket],
      [{ address: socket }, `127.0.0.1:${port}`],
      [{ address: 'localhost', port: port - 1 }, `127.0.0.1:${port}`],
    ] as const) {
      await using service = await activate(address, [listen]);
      const target = listen === socket ? ['--unix-socket', socket, 'http://repo/'] : [`http://${listen}/`];
      await execa('curl', ['--silent', '--max-time', '30', ...target], { reject: false });
      await eventually(() => expect(service.child.exitCode, listen).toBe(1));
      expect(service.stderr()).toContain('LISTEN_FAILED');
      expect(service.stderr()).not.toContain('listening on');
      expect(existsSync(other)).toBe(false);
    }
  });

  it('changes nothing that hosts read when it does not start', async () => {
    const rpm = join(dir.path, 'hello.rpm');
    await writeFile(rpm, craftRpm({ name: 'hello', release: '1.el9', arch: 'x86_64' }));
    {
      await using service = await activate({ address: socket, public_url: 'http://repo.example.com' }, [
        socket,
      ]);
      await curl('--unix-socket', socket, '-T', rpm, 'http://repo/upload/?wait=20');
      service.child.kill('SIGTERM');
      await service.whenExited;
    }
    const storage = join(dir.path, 'repo/storage');
    const before = await snapshotOf(storage);
    expect(before.some(([name]) => name.endsWith('.repo'))).toBe(true);
    await using service = await activate({ address: join(dir.path, 'other.sock') }, [socket]);
    await execa('curl', ['--silent', '--max-time', '30', '--unix-socket', socket, 'http://repo/'], {
      reject: false,
    });
    expect(await service.whenExited).toBe(1);
    expect(await snapshotOf(storage)).toEqual(before);
  });

  it('does not start with two', async () => {
    const other = join(dir.path, 'other.sock');
    await using service = await activate({ address: socket }, [socket, other]);
    await execa('curl', ['--silent', '--max-time', '30', '--unix-socket', socket, 'http://repo/'], {
      reject: false,
    });
    await eventually(() => expect(service.child.exitCode).toBe(1));
    expect(service.stderr()).toContain('LISTEN_FAILED');
  });
});
