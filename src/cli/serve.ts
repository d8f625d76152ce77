import { parseArgs } from 'node:util';
import { createLog } from '../log.ts';
import { startService } from '../main.ts';
import { SERVE } from './commands.ts';
import { configFile, readConfig } from './read-config.ts';

/** `rpmyard serve`: runs until SIGTERM or SIGINT. */
export async function serve(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: SERVE.options,
  });
  const config = readConfig(values.config);
  const log = createLog(config.log);
  if (configFile(values.config) === undefined) {
    log.info(
      { topDir: config.topDir },
      'no configuration file: built-in defaults, bodies taken directly, data under ./var',
    );
  }
  const stopRequested = nextStopSignal();
  const service = await startService(config, log);
  log.info({ signal: await stopRequested }, 'stopping');
  await service.close();
  log.info({}, 'stopped');
  return 0;
}

/** Further signals change nothing: closing has limits of its own. */
function nextStopSignal(): Promise<string> {
  return new Promise((resolveSignal) => {
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => resolveSignal(signal));
  });
}
