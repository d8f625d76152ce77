import { parentPort, workerData } from 'node:worker_threads';
import { fuzzLoop } from './fuzz-loop.ts';
import type { FromFuzzer, FuzzJob } from './run-fuzzer.ts';
import { FUZZ_TARGETS, type TargetName } from './targets.ts';

// The thread in which one target is fuzzed: started by run-fuzzer.ts, which ends it when an input takes too long.
const {
  target,
  seed,
  corpus,
  isFrugal = false,
  maxExecutions,
  untilMs,
  shared,
}: FuzzJob & { readonly target: TargetName } = workerData;
const clock = new Int32Array(shared, 0, 2);
const current = new Uint8Array(shared, clock.byteLength);

const tell = (message: FromFuzzer): void => parentPort?.postMessage(message);

const { failure, ...result } = await fuzzLoop(
  FUZZ_TARGETS[target],
  { seed, isFrugal, corpus: corpus.map((input) => Buffer.from(input)) },
  {
    begin: (input) => {
      current.set(input.subarray(0, current.length));
      clock[1] = input.length;
      Atomics.add(clock, 0, 1);
    },
    grow: (input) => tell({ kind: 'grown', input }),
    isOver: (executions) => executions >= maxExecutions || (executions % 64 === 0 && Date.now() > untilMs),
  },
);
if (failure === undefined) tell({ kind: 'done', result });
else {
  const { error } = failure;
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  tell({ kind: 'done', result, failure: { input: failure.input, reason } });
}
