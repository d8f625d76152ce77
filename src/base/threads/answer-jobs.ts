import { parentPort } from 'node:worker_threads';
import { toFailure, type WorkerMessage } from './worker-messages.ts';

/**
 * In a worker thread: does each job that a worker pool sends, and answers with its result or its error.
 * @param work takes the pool's jobs, and may tell how it goes on.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- a message has no type; the pool has the same one
export function answerJobs<Job>(work: (job: Job, tell: (progress: unknown) => void) => unknown): void {
  parentPort?.on('message', (job: Job) => {
    Promise.resolve()
      .then(() => work(job, (progress) => post({ progress })))
      .then((answer) => post({ answer }))
      .catch((error: unknown) => post({ failure: toFailure(error) }));
  });
}

function post(message: WorkerMessage<unknown, unknown>): void {
  parentPort?.postMessage(message);
}
