import { printable } from '../../errors.ts';
import { loadExeca } from '../programs/load-execa.ts';

/** Tells systemd about the service; without systemd it does nothing. */
export interface Notifier {
  /** One line for `systemctl status`. */
  readonly status: (text: string) => void;
  /** The service takes requests. */
  readonly ready: (status: string) => void;
  /** The event loop turns. */
  readonly ping: () => void;
  readonly stopping: (status: string) => void;
  /** Returns when systemd has every message, or when sending was given up. */
  readonly settled: () => Promise<void>;
}

export interface NotifierOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Called once: systemd-notify fails or hangs. */
  readonly onFailure: (error: unknown) => void;
  readonly limitMs?: number;
  readonly repeatReadyMs?: number;
}

// systemd-notify itself waits for up to 5 s until systemd has read the message. A stop may have to wait for two of them.
export const NOTIFY_LIMIT_MS = 6_000;
// Long enough for a busy systemd to read the message, short for a user who waits for `systemctl start`.
const REPEAT_READY_MS = 2_000;

/**
 * Takes NOTIFY_SOCKET from the environment, so that children of the service do not speak for it. Node cannot write to
 * a unix datagram socket, so each message is a run of systemd-notify.
 *
 * Before version 246 that program does not wait until its message was read. When it has gone by then, systemd does not
 * know whose message it was and drops it (https://github.com/systemd/systemd/issues/2739). So readiness is said once
 * more soon, and again with each ping; said twice it means the same.
 */
export function openNotifier(options: NotifierOptions): Notifier {
  const { env, onFailure, limitMs = NOTIFY_LIMIT_MS, repeatReadyMs = REPEAT_READY_MS } = options;
  const socket = env['NOTIFY_SOCKET'] ?? '';
  delete env['NOTIFY_SOCKET'];
  if (socket === '') return SILENT;

  let last = Promise.resolve();
  let isReady = false;
  let hasFailed = false;
  let isPingOnItsWay = false;
  let repeat: NodeJS.Timeout | undefined;

  // One after the other: READY=1 must not overtake STOPPING=1.
  function say(...assignments: readonly string[]): Promise<void> {
    last = last.then(() => run(assignments));
    return last;
  }

  async function run(assignments: readonly string[]): Promise<void> {
    try {
      const { execa } = await loadExeca();
      await execa('systemd-notify', assignments, {
        env: { NOTIFY_SOCKET: socket },
        timeout: limitMs,
        killSignal: 'SIGKILL',
        stdio: ['ignore', 'ignore', 'pipe'],
      });
    } catch (error) {
      if (!hasFailed) onFailure(error);
      hasFailed = true;
    }
  }

  return {
    status: (text) => void say(toStatusLine(text)),
    ready: (text) => {
      isReady = true;
      void say('READY=1', toStatusLine(text));
      repeat = setTimeout(() => void say('READY=1'), repeatReadyMs).unref();
    },
    ping: () => {
      // Runs that hang must not pile up.
      if (isPingOnItsWay) return;
      isPingOnItsWay = true;
      void say(...(isReady ? ['READY=1'] : []), 'WATCHDOG=1').finally(() => {
        isPingOnItsWay = false;
      });
    },
    stopping: (text) => {
      isReady = false;
      clearTimeout(repeat);
      void say('STOPPING=1', toStatusLine(text));
    },
    settled: () => last,
  };
}

const SILENT: Notifier = {
  status: () => undefined,
  ready: () => undefined,
  ping: () => undefined,
  stopping: () => undefined,
  settled: async () => undefined,
};

/** A line break would begin another message. */
function toStatusLine(text: string): string {
  return `STATUS=${printable(text)}`;
}
