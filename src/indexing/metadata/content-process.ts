import { toFailure, type WorkerMessage } from '../../base/threads/worker-messages.ts';
import { type CheckedContent, checkForeignContent, type ContentJob } from './check-foreign-content.ts';

/** The main of the process that checks one file: takes a job, answers, and ends, also when its parent does. */
process.once('disconnect', () => process.exit());
// A terminal and systemd send them to the parent and to this one: the parent says when it ends.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => undefined);
process.once('message', (job: ContentJob) => {
  checkForeignContent(job).then(
    (answer) => post({ answer }),
    (error: unknown) => post({ failure: toFailure(error) }),
  );
});

function post(message: WorkerMessage<CheckedContent, never>): void {
  process.send?.(message, () => process.disconnect());
}
