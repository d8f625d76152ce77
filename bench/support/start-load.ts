import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { LoadJob, LoadResult } from './upload-load.ts';

const PROGRAM = fileURLToPath(new URL('upload-load.ts', import.meta.url));

/** The running load generator. */
export interface Load extends AsyncDisposable {
  readonly pid: number;
  run(job: LoadJob): Promise<LoadResult>;
}

/** Starts the load generator; it is idle until it gets a job. */
export function startLoad(): Load {
  const child = execa(process.execPath, [PROGRAM], { buffer: false, stderr: 'inherit' });
  const results = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid: child.pid ?? 0,
    run: async (job) => {
      child.stdin.write(`${JSON.stringify(job)}\n`);
      const line = await results.next();
      if (line.done === true) throw new Error('the load generator ended; what it wrote is above');
      const result: LoadResult = JSON.parse(line.value);
      return result;
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await child.catch(() => undefined);
    },
  };
}
