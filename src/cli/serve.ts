import { parseArgs } from 'node:util';
import type { Logger } from 'pino';
import { createLog } from '../log.ts';
import { startService } from '../main.ts';
import { takeListenFds } from '../systemd/listen-fds.ts';
import { type Notifier, openNotifier } from '../systemd/notify.ts';
import { startWatchdog, takeWatchdogMs } from '../systemd/watchdog.ts';
import { becomeOwner } from './become-owner.ts';
import { SERVE } from './commands.ts';
import { configFile, foldersOf, readConfig } from './read-config.ts';

/** `rpmyard serve`: runs until SIGTERM or SIGINT. */
export async function serve(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: SERVE.options,
  });
  const config = readConfig(values.config);
  becomeOwner(foldersOf(config));
  const log = createLog(config.log);
  // Node ends the process with a stack trace of many lines; this is one, with its level.
  process.on('uncaughtExceptionMonitor', (error) => log.fatal({ err: error }, 'ended by a fault of its own'));
  if (configFile(values.config) === undefined) {
    log.info(
      { topDir: config.topDir },
      'no configuration file: built-in defaults, bodies taken directly, data under ./var',
    );
  }
  // Before any other program is started, which would inherit what is meant for this process.
  const passedFds = takeListenFds(process.env, process.pid);
  const watchdogMs = takeWatchdogMs(process.env, process.pid);
  const notifier = createNotifier(log);
  const endWatchdog = startWatchdog(watchdogMs, notifier.ping);
  try {
    const stopRequested = nextStopSignal();
    const service = await startService(config, log, { passedFds, tellStatus: notifier.status });
    notifier.ready(`Serving ${config.server.publicUrl} on ${service.address}`);
    log.info({ signal: await stopRequested }, 'stopping');
    notifier.stopping('Finishing what is in flight');
    await service.close();
    log.info({}, 'stopped');
    return 0;
  } finally {
    endWatchdog();
    await notifier.settled();
  }
}

function createNotifier(log: Logger): Notifier {
  return openNotifier({
    env: process.env,
    onFailure: (error) =>
      log.warn({ err: error }, 'systemd could not be told: it may see the service as not started or hung'),
  });
}

/** Further signals change nothing: closing has limits of its own. */
function nextStopSignal(): Promise<string> {
  return new Promise((resolveSignal) => {
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => resolveSignal(signal));
  });
}
