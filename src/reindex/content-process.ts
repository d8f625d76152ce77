import { setPriority } from 'node:os';
import { toFailure, type WorkerMessage } from '../threads/worker-messages.ts';
import { type CheckedContent, checkForeignContent, type ContentJob } from './check-foreign-content.ts';

// Checks may take all of a processor for a minute; uploads and index runs come first.
const PRIORITY = 10;

/** The main of the process that checks one file: takes a job, answers, and ends, also when its parent does. */
setPriority(PRIORITY);
process.once('disconnect', () => process.exit());
process.once('message', (job: ContentJob) => {
  checkForeignContent(job).then(
    (answer) => post({ answer }),
    (error: unknown) => post({ failure: toFailure(error) }),
  );
});

function post(message: WorkerMessage<CheckedContent, never>): void {
  process.send?.(message, () => process.disconnect());
}
