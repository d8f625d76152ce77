import { setTimeout as delay } from 'node:timers/promises';
import { choosePushExitCode } from '../client/exit-code.ts';
import { findFiles } from '../client/find-files.ts';
import { leaveBatch } from '../client/leave-batch.ts';
import { type Connection, openConnection } from '../client/open-connection.ts';
import { pushFiles, type PushReport } from '../client/push-files.ts';
import type { PushOptions } from '../client/push-options.ts';
import { VERSION } from '../base/version.ts';
import { createRetryLines } from './create-retry-lines.ts';
import { errorLines } from './error-lines.ts';
import { createPushDisplay, type PushDisplay } from './push-display.ts';
import { batchNote, jsonDocument, summaryLine } from './push-lines.ts';
import { type PushArguments, readPushArguments } from './read-push-arguments.ts';

// Above the 75 s after which nginx gives up on the service.
const MAX_IDLE_MS = 120_000;
// A user who pressed Ctrl-C does not want to wait long.
const LEAVE_LIMIT_MS = 2000;

const SIGNAL_EXIT = { SIGINT: 130, SIGTERM: 143 } as const;

/** `rpmyard push FILE...`: uploads packages and tries again as long as it makes sense. */
export async function push(args: readonly string[]): Promise<number> {
  const asked = readPushArguments(args, process.env);
  // The reader of the output is gone (`| head -1`), or the log's disk is full: the packages are sent all the same.
  process.stdout.on('error', () => undefined);
  const files = findFiles(asked.files);
  const display = createPushDisplay(files, asked.isJson);
  using interruption = listenForSignals();
  using connection = connect(asked, interruption.signal);
  const options = toPushOptions(asked, { connection, display, signal: interruption.signal });
  const startMs = performance.now();
  try {
    const report = await pushFiles(files, options, display);
    display.end();
    return tell(report, asked, { display, tookMs: performance.now() - startMs });
  } catch (error) {
    const exitCode = interruption.exitCode();
    if (exitCode === undefined) throw error;
    display.note('interrupted; the same command again sends what is missing\n');
    await leaveBegun(asked);
    return exitCode;
  } finally {
    display.end();
  }
}

function connect(
  { urls, token, buildUrl, timeoutMs, proxy }: PushArguments,
  signal?: AbortSignal,
): Connection {
  const headers = {
    'user-agent': `rpmyard/${VERSION}`,
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(buildUrl !== undefined && { 'x-build-url': buildUrl }),
  };
  const idleMs = Math.min(MAX_IDLE_MS, timeoutMs);
  const given = { headers, idleMs, proxy, ...(signal !== undefined && { signal }) };
  return openConnection(urls.upload.protocol, given);
}

interface Surroundings {
  readonly connection: Connection;
  readonly display: PushDisplay;
  readonly signal: AbortSignal;
}

function toPushOptions(asked: PushArguments, { connection, display, signal }: Surroundings): PushOptions {
  const now = (): number => performance.now();
  return {
    urls: asked.urls,
    exchange: connection.exchange,
    terms: asked,
    isWaitWanted: asked.isWaitWanted,
    jobs: asked.jobs,
    retry: {
      clock: { now, random: Math.random, pause: async (ms) => delay(ms, undefined, { signal }) },
      timeoutMs: asked.timeoutMs,
      tellRetry: createRetryLines(display.note, now),
      signal,
    },
  };
}

/** The end of the output. */
function tell(
  report: PushReport,
  asked: PushArguments,
  { display, tookMs }: { readonly display: PushDisplay; readonly tookMs: number },
): number {
  const exitCode = choosePushExitCode(report);
  const { batch, results } = report;
  for (const result of results) display.noteFailure(result);
  if (batch !== undefined) {
    if (batch.failure !== undefined) display.note(errorLines(`batch ${batch.id}`, batch.failure));
    display.note(batchNote(batch, asked.urls.api(`batches/${batch.id}`)));
  }
  const isInIndex = asked.isWaitWanted && exitCode === 0;
  process.stdout.write(
    asked.isJson ? jsonDocument(report, exitCode) : summaryLine(report, tookMs, isInIndex),
  );
  return exitCode;
}

async function leaveBegun(asked: PushArguments): Promise<void> {
  const { batchId, urls } = asked;
  if (batchId === undefined) return;
  using connection = connect(asked, AbortSignal.timeout(LEAVE_LIMIT_MS));
  const batch = await leaveBatch(batchId, { urls, terms: asked, exchange: connection.exchange });
  // The summary has no line for this.
  const note = batch.state === 'committed' ? `batch ${batchId}: it is published\n` : undefined;
  process.stderr.write(note ?? batchNote(batch, urls.api(`batches/${batchId}`)));
}

interface Interruption extends Disposable {
  readonly signal: AbortSignal;
  /** The exit code of the signal that came; undefined when none came. */
  readonly exitCode: () => number | undefined;
}

/** The first Ctrl-C ends the push in order, the second one the process. */
function listenForSignals(): Interruption {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const onSignal = (name: keyof typeof SIGNAL_EXIT): void => {
    exitCode = SIGNAL_EXIT[name];
    stop();
    controller.abort(new Error(`interrupted by ${name}`));
  };
  const onInterrupt = (): void => onSignal('SIGINT');
  const onTerminate = (): void => onSignal('SIGTERM');
  const stop = (): void => {
    process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate);
  };
  process.on('SIGINT', onInterrupt).on('SIGTERM', onTerminate);
  return { signal: controller.signal, exitCode: () => exitCode, [Symbol.dispose]: stop };
}
