import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { checkAnswers } from './check-answers.ts';
import { findFreePort } from './free-port.ts';

const RPMYARD = fileURLToPath(new URL('../../bin/rpmyard', import.meta.url));

const RECORDER = new URL('record-answers.mjs', import.meta.url).href;

const START_LIMIT_MS = 60_000;
const START_POLL_MS = 10;
/** Below the service's own limit for open connections (45 s), so that one that hangs fails the test that left it. */
const STOP_LIMIT_MS = 60_000;
const LOG_LIMIT_MS = 60_000;

export interface ServiceOptions {
  /** Takes the place of /srv/repo: `storage`, `spool` and `state` lie in it, and the configuration file. */
  readonly root: string;
  /** Default: a free one. */
  readonly port?: number;
  /** A unix socket to listen on, in place of the port. */
  readonly socketPath?: string;
  /** Options of the configuration file by section, over those that `root` and `port` decide. */
  readonly config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** A whole configuration file of the port, in place of what is above. */
  readonly configFile?: (port: number) => string;
  readonly env?: Readonly<Record<string, string>>;
  /** A command that runs the service in its turn; it must end with exec, so that the process stays the same. */
  readonly wrapper?: readonly string[];
}

/** One line of the service's log. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface ServiceExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningService extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** Its own address, without nginx: `http://127.0.0.1:<port>`. Nothing answers there when it has a socket. */
  readonly baseUrl: string;
  /** Its configuration file. */
  readonly configPath: string;
  readonly storageDir: string;
  readonly spoolDir: string;
  readonly incomingDir: string;
  readonly stateDir: string;
  /** What it has logged so far. */
  readonly log: readonly LogLine[];
  /** Where it keeps what it answers (readAnswers()). When it ends, each answer is compared with its schema, and one that is not so fails the test. */
  readonly answersPath: string;
  /** The first line, old or new, that `matches` takes. */
  whenLogged(matches: (line: LogLine) => boolean): Promise<LogLine>;
  readonly whenExited: Promise<ServiceExit>;
  /** SIGTERM without waiting for the end. */
  terminate(): void;
  /** SIGTERM, then waits; throws unless the exit code is 0. A service that was killed before is no error. */
  stop(): Promise<void>;
  /** SIGKILL, then waits. */
  kill(): Promise<void>;
}

/** A service that ended instead of listening. */
export class ServiceDidNotStart extends Error {
  override readonly name = 'ServiceDidNotStart';
  readonly exitCode: number | null;
  readonly stderr: string;

  constructor(exitCode: number | null, stderr: string) {
    super(`the service ended with exit code ${exitCode} before it listened: ${stderr}`);
    this.exitCode = exitCode;
    this.stderr = stderr;
  }
}

/** Runs `rpmyard serve` with a configuration file of its own and returns when it answers. @throws ServiceDidNotStart */
export async function startService(options: ServiceOptions): Promise<RunningService> {
  const port = options.port ?? (await findFreePort());
  await mkdir(options.root, { recursive: true });
  const configPath = join(options.root, `rpmyard-${port}.yml`);
  await writeFile(configPath, options.configFile?.(port) ?? renderConfig(options, port));

  const { child, service, stderr } = launch(options, port, configPath);
  const deadline = Date.now() + START_LIMIT_MS;
  const { socketPath } = options;
  while (!(await isHealthy(socketPath === undefined ? { host: '127.0.0.1', port } : { socketPath }))) {
    const exit = await Promise.race([service.whenExited, delay(START_POLL_MS)]);
    if (exit !== undefined) throw new ServiceDidNotStart(exit.code, stderr());
    if (Date.now() < deadline) continue;
    child.kill('SIGKILL');
    throw new Error(`the service did not answer within ${START_LIMIT_MS} ms: ${stderr()}`);
  }
  return service;
}

function renderConfig({ root, socketPath, config = {} }: ServiceOptions, port: number): string {
  const sections = {
    ...config,
    server: { address: socketPath ?? '127.0.0.1', port, ...config['server'] },
    repo: { top_dir: join(root, 'storage'), ...config['repo'] },
    index_updater: { quiet_seconds: 0, ...config['index_updater'] },
  };
  // YAML is a superset of JSON.
  return JSON.stringify(sections, null, 2);
}

function launch(
  options: ServiceOptions,
  port: number,
  configPath: string,
): { readonly child: ChildProcess; readonly service: RunningService; readonly stderr: () => string } {
  const [command, ...args] = [...(options.wrapper ?? []), RPMYARD, 'serve', '-c', configPath];
  const answersPath = join(tmpdir(), `rpmyard-answers-${randomUUID()}.jsonl`);
  const child = spawn(command, args, {
    cwd: options.root,
    env: {
      ...process.env,
      ...options.env,
      ...(options.wrapper === undefined && recordingAnswers(answersPath)),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { log, whenLogged } = readLog(child);
  let errorText = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    errorText += piece;
  });
  const whenExited = new Promise<ServiceExit>((resolve, reject) => {
    // 'close' comes after the last line of output.
    child.once('close', (code, signal) => resolve({ code, signal })).once('error', reject);
  });
  const hasExited = (): boolean => child.exitCode !== null || child.signalCode !== null;

  const stop = async (): Promise<void> => {
    if (!hasExited()) child.kill('SIGTERM');
    const exit = await within(STOP_LIMIT_MS, whenExited);
    if (exit === undefined) child.kill('SIGKILL');
    if (exit?.code === 0 || exit?.signal === 'SIGKILL') return checkAnswers(answersPath);
    throw new Error(`the service did not stop cleanly: ${JSON.stringify(exit)} ${errorText}`);
  };
  const service: RunningService = {
    pid: child.pid ?? -1,
    port,
    baseUrl: `http://127.0.0.1:${port}`,
    configPath,
    storageDir: join(options.root, 'storage'),
    spoolDir: join(options.root, 'spool'),
    incomingDir: join(options.root, 'state/incoming'),
    stateDir: join(options.root, 'state'),
    log,
    answersPath,
    whenLogged,
    whenExited,
    terminate: () => void child.kill('SIGTERM'),
    stop,
    kill: async () => {
      child.kill('SIGKILL');
      await whenExited;
      await checkAnswers(answersPath);
    },
    [Symbol.asyncDispose]: stop,
  };
  return { child, service, stderr: () => errorText };
}

/** Has a service keep what it answers; not under a wrapper, which may give it another user, or other files. */
function recordingAnswers(path: string): Readonly<Record<string, string>> {
  return {
    NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=${RECORDER}`.trimStart(),
    RPMYARD_TEST_ANSWERS: path,
  };
}

type LogReader = Pick<RunningService, 'log' | 'whenLogged'>;

function readLog(child: ChildProcess): LogReader {
  const log: LogLine[] = [];
  const waiting = new Set<(line: LogLine) => void>();
  if (child.stdout === null) throw new Error('expected standard output to be a pipe');
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = toLogLine(text);
    log.push(line);
    for (const look of waiting) look(line);
  });

  return {
    log,
    whenLogged: async (matches) => {
      const known = log.find(matches);
      if (known !== undefined) return known;
      const found = Promise.withResolvers<LogLine>();
      const look = (line: LogLine): void => {
        if (matches(line)) found.resolve(line);
      };
      waiting.add(look);
      const line = await within(LOG_LIMIT_MS, found.promise);
      waiting.delete(look);
      if (line === undefined) throw new Error(`no such line was logged within ${LOG_LIMIT_MS} ms`);
      return line;
    },
  };
}

/** The service promises one JSON object a line; a line that is none fails the test that reads it. */
function toLogLine(text: string): LogLine {
  try {
    return JSON.parse(text);
  } catch {
    return { level: 60, msg: `not JSON: ${text}` };
  }
}

/** What the promise gives, or undefined when the time is up first. */
async function within<T>(limitMs: number, promise: Promise<T>): Promise<T | undefined> {
  const timer = new AbortController();
  try {
    return await Promise.race([promise, delay(limitMs, undefined, { signal: timer.signal })]);
  } finally {
    timer.abort();
  }
}

function isHealthy(
  target: { readonly host: string; readonly port: number } | { readonly socketPath: string },
): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ ...target, path: '/healthz', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once('error', () => resolve(false));
  });
}
