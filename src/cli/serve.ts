import { parseArgs } from 'node:util';
import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import { createLog } from '../base/log.ts';
import { startService } from '../boot/start-service.ts';
import { takeListenFds } from '../base/systemd/listen-fds.ts';
import { type Notifier, openNotifier } from '../base/systemd/notify.ts';
import { startWatchdog, takeWatchdogMs } from '../base/systemd/watchdog.ts';
import { becomeOwner } from './become-owner.ts';
import { SERVE } from './commands.ts';
import { type CommandConfig, listFolders, readConfig } from './read-config.ts';
import { forgetServiceAddress, noteServiceAddress } from './service-address.ts';

const MAX_PORT = 65_535;

/** `rpmyard serve`: runs until SIGTERM or SIGINT. */
export async function serve(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: SERVE.options,
  });
  const port = values.port === undefined ? undefined : parsePort(values.port);
  const config = readConfig(values, { port });
  if (port !== undefined) demandAddress(config);
  becomeOwner(listFolders(config));
  const log = createLog(config.log);
  // Node ends the process with a stack trace of many lines; this line is one, with its level.
  process.on('uncaughtExceptionMonitor', (error) => log.fatal({ err: error }, 'ended by a fault of its own'));
  const { file = 'none, built-in defaults', topDir, stateDir, server } = config;
  log.info(
    { configuration: file, topDir, stateDir, spoolDir: server.spoolDir },
    `packages in ${topDir}, state in ${stateDir} (configuration: ${file})`,
  );
  // Before the service starts any other program, which would inherit the variables that are meant for this process.
  const passedFds = takeListenFds(process.env, process.pid);
  const watchdogMs = takeWatchdogMs(process.env, process.pid);
  const notifier = createNotifier(log);
  const endWatchdog = startWatchdog(watchdogMs, notifier.ping);
  try {
    const stopRequested = nextStopSignal();
    const service = await startService(config, log, { passedFds, tellStatus: notifier.status });
    noteAddress(stateDir, port === undefined ? undefined : service.address, log);
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

/** @throws AppError PARAMETER_INVALID. */
function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= MAX_PORT) return port;
  throw new AppError('PARAMETER_INVALID', `--port is ${JSON.stringify(text)}`, {
    hint: `A port is a whole number from 1 to ${MAX_PORT}.`,
  });
}

/** @throws AppError PARAMETER_INVALID for a service that listens on a socket. */
function demandAddress({ server: { listen }, file }: CommandConfig): void {
  if ('host' in listen) return;
  throw new AppError(
    'PARAMETER_INVALID',
    `--port has no meaning: server.address in ${file} is the socket ${listen.path}`,
    {
      hint: 'Leave --port out, or set server.address to 127.0.0.1.',
    },
  );
}

/** Undefined: the configuration names the address, and commands look there. */
function noteAddress(stateDir: string, address: string | undefined, log: Logger): void {
  try {
    if (address === undefined) forgetServiceAddress(stateDir);
    else noteServiceAddress(stateDir, address);
  } catch (error) {
    log.warn({ err: error }, 'the address could not be noted for commands on this machine');
  }
}

function createNotifier(log: Logger): Notifier {
  return openNotifier({
    env: process.env,
    onFailure: (error) =>
      log.warn({ err: error }, 'systemd could not be told: it may see the service as not started or hung'),
  });
}

/** Further signals change nothing: closing has time limits of its own. */
function nextStopSignal(): Promise<string> {
  return new Promise((resolveSignal) => {
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => resolveSignal(signal));
  });
}
