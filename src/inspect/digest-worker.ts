import { parentPort } from 'node:worker_threads';
import { digestFile, type DigestJob } from './digest-file.ts';

/** What a worker answers to a job. */
export type DigestAnswer = { readonly digests: ReturnType<typeof digestFile> } | { readonly error: unknown };

parentPort?.on('message', (job: DigestJob) => {
  parentPort?.postMessage(answer(job));
});

function answer(job: DigestJob): DigestAnswer {
  try {
    return { digests: digestFile(job) };
  } catch (error) {
    return { error };
  }
}
