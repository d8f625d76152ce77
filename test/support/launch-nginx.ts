import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';

/** nginx itself retries an occupied address five times, 0.5 s apart, before it gives up. */
const START_LIMIT_MS = 30_000;
const START_POLL_MS = 20;
/** Debian keeps nginx where the PATH of an ordinary user does not lead. */
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

/**
 * Runs the nginx of this machine with `nginx.conf` in a directory of its own.
 * @param wrapper a command that runs nginx in its turn.
 * @returns once it listens on the port, what stops it. Throws when it does not start.
 */
export async function launchNginx(
  ownDir: string,
  port: number,
  wrapper: readonly string[] = [],
): Promise<() => Promise<void>> {
  const nginx = ['nginx', '-p', ownDir, '-e', join(ownDir, 'error.log'), '-c', join(ownDir, 'nginx.conf')];
  const [command = '', ...args] = [...wrapper, ...nginx];
  const child = execa(command, args, {
    env: { PATH },
    reject: false,
    stdin: 'ignore',
  });
  const stop = async () => {
    child.kill('SIGQUIT');
    await child;
  };

  const deadline = Date.now() + START_LIMIT_MS;
  while (!(await acceptsConnections(port))) {
    const exited = await Promise.race([child, delay(START_POLL_MS)]);
    if (exited !== undefined) throw new Error(`nginx did not start: ${exited.stderr}`);
    if (Date.now() > deadline) {
      await stop();
      throw new Error(`nginx did not listen on port ${port} within ${START_LIMIT_MS} ms`);
    }
  }
  return stop;
}

async function acceptsConnections(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
