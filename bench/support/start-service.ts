import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/** This checkout. */
const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const START_LIMIT_MS = 20_000;
const START_POLL_MS = 5;
const ONLY_WHEN_ASKED = { quiet_seconds: 3600, max_wait_seconds: 86_400 };

export interface ServiceOptions {
  /** Holds `storage`, `spool` and `state`. */
  readonly root: string;
  readonly port: number;
  /** Whose service runs; default: this one's. */
  readonly checkout?: string | undefined;
  /** Options of Node's own, such as `--cpu-prof`. */
  readonly nodeArguments?: readonly string[];
  /** The configuration's section of that name; default: none. */
  readonly access?: object;
  /** The configuration's section of that name. Without it no index run begins within an hour unless it is asked for. */
  readonly indexUpdater?: Readonly<Record<string, string | number>>;
}

export interface RunningService extends AsyncDisposable {
  readonly pid: number;
  readonly baseUrl: string;
  readonly logPath: string;
}

/** Runs `rpmyard serve` as it is run behind nginx. */
export async function startService({
  root,
  port,
  checkout = CHECKOUT,
  nodeArguments = [],
  access = {},
  indexUpdater = ONLY_WHEN_ASKED,
}: ServiceOptions): Promise<RunningService> {
  await mkdir(join(root, 'storage'), { recursive: true });
  const configPath = join(root, 'rpmyard.yml');
  await writeFile(configPath, renderConfig(root, port, { access, index_updater: indexUpdater }));
  const logPath = join(root, 'service.log');
  const log = createWriteStream(logPath, { flags: 'a' });
  await once(log, 'open');
  const child = execa(
    process.execPath,
    [
      '--max-semi-space-size=2',
      ...nodeArguments,
      join(checkout, 'bin', 'rpmyard'),
      'serve',
      '-c',
      configPath,
    ],
    {
      stdin: 'ignore',
      // Into a file, as a service manager would keep it: a pipe to this process would take time of it.
      stdout: log,
      stderr: 'inherit',
      buffer: false,
      reject: false,
    },
  );
  log.close();
  const baseUrl = `http://127.0.0.1:${port}`;
  const exited = child.then(() => {
    throw new Error('the service ended while it was needed');
  });
  exited.catch(() => undefined);
  await Promise.race([waitUntilReady(baseUrl), exited]);
  return {
    pid: child.pid ?? 0,
    baseUrl,
    logPath,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await child;
    },
  };
}

function renderConfig(root: string, port: number, sections: object): string {
  return `server: { port: ${port}, spool_dir: ${root}/spool }
repo: { top_dir: ${root}/storage, state_dir: ${root}/state }
${Object.entries(sections)
  .map(([name, section]) => `${name}: ${JSON.stringify(section)}`)
  .join('\n')}
`;
}

/** Until the server at this URL says at /readyz that it takes requests. */
export async function waitUntilReady(baseUrl: string): Promise<void> {
  const deadlineMs = Date.now() + START_LIMIT_MS;
  while (Date.now() < deadlineMs) {
    const answer = await fetch(`${baseUrl}/readyz`).catch(() => undefined);
    if (answer?.ok === true) return;
    await delay(START_POLL_MS);
  }
  throw new Error(`${baseUrl}/readyz did not answer 200 within ${START_LIMIT_MS} ms`);
}
