import { Worker } from 'node:worker_threads';
import type { LoopResult } from './fuzz-loop.ts';
import type { TargetName } from './targets.ts';

export interface FuzzJob {
  readonly target: TargetName;
  readonly seed: number;
  /** Beside the target's own seeds. */
  readonly corpus: readonly Uint8Array[];
  readonly isFrugal?: boolean;
  readonly maxExecutions: number;
  readonly untilMs: number;
  /** A counter of inputs, the length of the one at work, and its bytes. */
  readonly shared: SharedArrayBuffer;
}

export type FromFuzzer =
  | { readonly kind: 'grown'; readonly input: Uint8Array }
  | {
      readonly kind: 'done';
      readonly result: Omit<LoopResult, 'failure'>;
      readonly failure?: { readonly input: Uint8Array; readonly reason: string };
    };

export interface FuzzReport {
  readonly executions: number;
  readonly corpusSize: number;
  readonly reached: LoopResult['reached'];
  readonly finding: { readonly input: Buffer; readonly reason: string } | undefined;
}

/** An input of some KiB takes a millisecond. Counted in looks, because a machine that stops for a while stops us too. */
const LOOK_MS = 200;
const HANG_LOOKS = 10;

/** Some KiB of input must not need more; a fuzzer itself takes some 200 MiB. */
const MAX_HEAP_MIB = 512;
const MAX_GROWTH_BYTES = 1024 ** 3;

const MAX_SHARED_BYTES = 128 * 1024;
const INSTRUMENT = new URL('instrument.mjs', import.meta.url).href;
const FUZZ_WORKER = new URL('fuzz-worker.ts', import.meta.url);

/** Fuzzes one target in a thread and watches it. Ends with the first finding. */
export async function runFuzzer(
  job: Omit<FuzzJob, 'shared'>,
  grown: (input: Buffer) => void = () => undefined,
): Promise<FuzzReport> {
  const shared = new SharedArrayBuffer(MAX_SHARED_BYTES);
  const workerData: FuzzJob = { ...job, shared };
  const worker = new Worker(FUZZ_WORKER, {
    workerData,
    execArgv: ['--import', INSTRUMENT, '--disable-warning=ExperimentalWarning'],
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
  });
  const { promise, resolve } = Promise.withResolvers<FuzzReport>();
  const clock = new Int32Array(shared, 0, 2);
  const fail = (reason: string): void => {
    const input = Buffer.from(new Uint8Array(shared, clock.byteLength, clock[1] ?? 0));
    const finding = { input: Buffer.from(input), reason };
    resolve({ executions: clock[0] ?? 0, corpusSize: 0, reached: new Map(), finding });
  };
  const stopWatching = watch(clock, fail);
  worker.on('message', (message: FromFuzzer) => {
    if (message.kind === 'grown') grown(Buffer.from(message.input));
    else {
      const { failure } = message;
      const finding = failure && { input: Buffer.from(failure.input), reason: failure.reason };
      resolve({ ...message.result, finding });
    }
  });
  worker.on('error', (error) => fail(error.stack ?? error.message));
  worker.on('exit', (code) => fail(`the fuzzer ended with ${code}`));
  try {
    return await promise;
  } finally {
    stopWatching();
    await worker.terminate();
  }
}

/** Tells when one input takes too long or too much memory. */
function watch(clock: Int32Array, fail: (reason: string) => void): () => void {
  const startBytes = process.memoryUsage.rss();
  let lastInput = 0;
  let looks = 0;
  const timer = setInterval(() => {
    const input = Atomics.load(clock, 0);
    // Before the first input stands the loading of the modules.
    looks = input === lastInput && input > 0 ? looks + 1 : 0;
    lastInput = input;
    if (looks >= HANG_LOOKS) fail(`an input takes more than ${HANG_LOOKS * LOOK_MS} ms`);
    const grownBytes = process.memoryUsage.rss() - startBytes;
    if (grownBytes > MAX_GROWTH_BYTES) fail(`memory grew by ${grownBytes} bytes`);
  }, LOOK_MS);
  return () => clearInterval(timer);
}
