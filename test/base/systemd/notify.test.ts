import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { type Notifier, type NotifierOptions, openNotifier } from '../../../src/base/systemd/notify.ts';
import { eventually } from '../../support/eventually.ts';
import { openNotifySocket } from '../../support/notify-socket.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const NEVER_MS = 3_600_000;

/** A notifier on this socket, and what it complained of. */
function open(path: string | undefined, options: Partial<NotifierOptions> = {}) {
  const failures: unknown[] = [];
  const env: NodeJS.ProcessEnv = path === undefined ? {} : { NOTIFY_SOCKET: path };
  const notifier = openNotifier({
    env,
    onFailure: (error) => failures.push(error),
    repeatReadyMs: NEVER_MS,
    ...options,
  });
  return { notifier, env, failures };
}

/** Puts a program of this name before the real one. */
async function withFakeNotify(
  script: string,
  test: (countCalls: () => Promise<number>) => Promise<void>,
): Promise<void> {
  await using bin = await createTempDir();
  const calls = join(bin.path, 'calls');
  await writeFile(calls, '');
  await writeFile(join(bin.path, 'systemd-notify'), `#!/bin/sh\necho >> ${calls}\n${script}\n`, {
    mode: 0o755,
  });
  vi.stubEnv('PATH', `${bin.path}:${process.env['PATH']}`);
  try {
    const { readFile } = await import('node:fs/promises');
    await test(async () => (await readFile(calls, 'utf8')).length);
  } finally {
    vi.unstubAllEnvs();
  }
}

const everything = (notifier: Notifier): void => {
  notifier.status('starting');
  notifier.ping();
  notifier.ready('serving');
  notifier.stopping('ending');
};

describe('what systemd is told', () => {
  it('arrives in the order in which it was said', async () => {
    await using socket = await openNotifySocket();
    const { notifier, failures } = open(socket.path);
    everything(notifier);
    await notifier.settled();
    await eventually(() =>
      expect(socket.messages).toEqual([
        'STATUS=starting',
        'WATCHDOG=1',
        'READY=1 STATUS=serving',
        'STOPPING=1 STATUS=ending',
      ]),
    );
    expect(failures).toEqual([]);
  });

  it('says readiness once more, since an old systemd may have lost it', async () => {
    await using socket = await openNotifySocket();
    const { notifier } = open(socket.path, { repeatReadyMs: 1 });
    notifier.ready('serving');
    await eventually(() => expect(socket.messages).toEqual(['READY=1 STATUS=serving', 'READY=1']));
  });

  it('says readiness with each ping, from then until it stops', async () => {
    await using socket = await openNotifySocket();
    const { notifier } = open(socket.path);
    for (const say of [
      () => notifier.ping(),
      () => notifier.ready('serving'),
      () => notifier.ping(),
      () => notifier.stopping('ending'),
      () => notifier.ping(),
    ]) {
      say();
      await notifier.settled();
    }
    await eventually(() =>
      expect(socket.messages).toEqual([
        'WATCHDOG=1',
        'READY=1 STATUS=serving',
        'READY=1 WATCHDOG=1',
        'STOPPING=1 STATUS=ending',
        'WATCHDOG=1',
      ]),
    );
  });

  it('cannot be made into another message by a line break', async () => {
    await using socket = await openNotifySocket();
    const { notifier } = open(socket.path);
    notifier.status('a\nSTOPPING=1');
    await notifier.settled();
    await eventually(() => expect(socket.messages).toEqual([String.raw`STATUS=a\u000aSTOPPING=1`]));
  });

  it('cannot be said by a child of the service', () => {
    const { env } = open('/nowhere');
    expect(env).toEqual({});
  });

  it('is nothing at all without systemd', async () => {
    await withFakeNotify('', async (countCalls) => {
      const { notifier } = open(undefined);
      everything(notifier);
      await notifier.settled();
      expect(await countCalls()).toBe(0);
    });
  });

  it('complains once of a systemd-notify that fails, and goes on', async () => {
    await withFakeNotify('exit 1', async (countCalls) => {
      const { notifier, failures } = open('/nowhere');
      everything(notifier);
      await notifier.settled();
      expect(await countCalls()).toBe(4);
      expect(failures).toHaveLength(1);
    });
  });

  it('complains of a missing systemd-notify, and goes on', async () => {
    vi.stubEnv('PATH', '/nowhere');
    try {
      const { notifier, failures } = open('/nowhere');
      everything(notifier);
      await notifier.settled();
      expect(failures).toHaveLength(1);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('is given up when systemd-notify hangs, and pings do not pile up behind it', async () => {
    await withFakeNotify('exec sleep 1000', async (countCalls) => {
      const { notifier, failures } = open('/nowhere', { limitMs: 50 });
      for (let count = 0; count < 10; count++) notifier.ping();
      await notifier.settled();
      expect(await countCalls()).toBe(1);
      expect(failures).toHaveLength(1);
      notifier.ping();
      await notifier.settled();
      expect(await countCalls()).toBe(2);
    });
  });
});
