import { parentPort } from 'node:worker_threads';
import { digestFile, type DigestJob } from './digest-file.ts';

/** What a worker answers to a job. On its way an error loses its fields (`code`, `syscall`), so they go beside it. */
export type DigestAnswer =
  | { readonly digests: ReturnType<typeof digestFile> }
  | { readonly error: unknown; readonly fields: object };

parentPort?.on('message', (job: DigestJob) => {
  parentPort?.postMessage(answer(job));
});

function answer(job: DigestJob): DigestAnswer {
  try {
    return { digests: digestFile(job) };
  } catch (error) {
    return { error, fields: Object.fromEntries(Object.entries(Object(error))) };
  }
}
