import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { AppError } from '../errors.ts';
import { fromFailure, type WorkerMessage } from '../base/threads/worker-messages.ts';
import type { CheckedContent, ContentJob } from './metadata/check-foreign-content.ts';
import { metadataInvalid } from './metadata/metadata-invalid.ts';
import { createOwnerTurns } from './schedule/owner-turns.ts';

/**
 * Checks metadata, one file at a time, each in a process of its own: a check that exhausts its memory ends nothing
 * else.
 */
export interface ContentChecks {
  /**
   * Waits for its turn, without a limit.
   * @throws as checkForeignContent(); METADATA_INVALID also for a file that takes too much time or memory; INTERNAL
   * when the process was ended by something else; the signal's reason; SHUTTING_DOWN.
   */
  readonly check: (job: ContentJob, sender: ContentSender) => Promise<CheckedContent>;
  /** Ends the check under way, and refuses files that wait and later ones. */
  readonly close: () => void;
}

/** The client for which a file is checked. */
export interface ContentSender {
  /** Owners have their turns one after the other, even when one sends many files. See nameOwner(). */
  readonly owner: string;
  /** Ends the check, or the waiting. */
  readonly signal?: AbortSignal | undefined;
}

export interface ContentLimits {
  readonly timeMs: number;
  /** Of JavaScript's heap. Beside it the process takes 60 MiB, and its buffers are bounded: they are pieces of a stream. */
  readonly heapMib: number;
}

const LIMITS: ContentLimits = {
  // 512 MiB of updateinfo take some 20 s of a processor, the largest of a distribution (100 MB) 4 s.
  timeMs: 60_000,
  // The largest document that is parsed takes half of it.
  heapMib: 256,
};
// New objects are what a parser makes most; the default of 16 MiB would be three times that in memory.
const YOUNG_MIB = 4;
// V8 ends a process with this signal when its heap is full. All other signals come from outside, or from a fault of
// Node.
const HEAP_SIGNALS: ReadonlySet<NodeJS.Signals> = new Set(['SIGABRT', 'SIGTRAP']);

export function createContentChecks(limits: ContentLimits = LIMITS): ContentChecks {
  const turns = createOwnerTurns();
  const closing = new AbortController();
  return {
    check: async (job, { owner, signal }) => {
      const signals = signal === undefined ? [closing.signal] : [closing.signal, signal];
      const stop = AbortSignal.any(signals);
      using _ = await turns.take(owner, stop);
      return await runCheck(job, stop, limits);
    },
    close: () => {
      const reason = new AppError('SHUTTING_DOWN', 'the service is being stopped', {
        hint: 'Send the metadata again in a moment.',
      });
      closing.abort(reason);
    },
  };
}

/** The process works on the caller's files: this waits for its end, also when it is stopped. */
async function runCheck(job: ContentJob, stop: AbortSignal, limits: ContentLimits): Promise<CheckedContent> {
  stop.throwIfAborted();
  const child = startProcess(limits);
  const late = AbortSignal.timeout(limits.timeMs);
  const ending = AbortSignal.any([stop, late]);
  const kill = (): void => void child.kill('SIGKILL');
  ending.addEventListener('abort', kill, { once: true });
  try {
    const { message, signalCode } = await awaitAnswer(child, job);
    stop.throwIfAborted();
    if (message !== undefined && 'answer' in message) return message.answer;
    if (message !== undefined && 'failure' in message) throw fromFailure(message.failure);
    if (late.aborted) throw metadataInvalid(`its check takes longer than ${limits.timeMs / 1000} s`);
    if (signalCode !== null && HEAP_SIGNALS.has(signalCode)) {
      throw metadataInvalid(`its check takes more than ${limits.heapMib} MiB of memory (${signalCode})`);
    }
    throw new AppError('INTERNAL', `the check of the metadata ended by ${signalCode ?? child.exitCode}`, {
      hint: 'Send the metadata again; if it fails again, tell the administrator.',
    });
  } finally {
    ending.removeEventListener('abort', kill);
  }
}

function startProcess({ heapMib }: ContentLimits): ChildProcess {
  // In a checkout this file is TypeScript, in a published package JavaScript; the process's main lies beside it.
  return fork(new URL(`./metadata/content-process${extname(import.meta.url)}`, import.meta.url), {
    execArgv: [`--max-old-space-size=${heapMib}`, `--max-semi-space-size=${YOUNG_MIB}`],
    serialization: 'advanced',
    // V8's last words are a page of addresses.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
}

interface Ending {
  readonly message: WorkerMessage<CheckedContent, never> | undefined;
  readonly signalCode: NodeJS.Signals | null;
}

/**
 * Resolves when the process has ended.
 * @throws Error when it could not be started.
 */
async function awaitAnswer(child: ChildProcess, job: ContentJob): Promise<Ending> {
  const ended = Promise.withResolvers<Ending>();
  let message: Ending['message'];
  child.on('message', (given: WorkerMessage<CheckedContent, never>) => {
    message = given;
  });
  child.on('error', ended.reject);
  child.on('exit', (_code, signalCode) => ended.resolve({ message, signalCode }));
  // A process that ended before it took the job tells more by its ending.
  child.send(job, () => undefined);
  return ended.promise;
}
