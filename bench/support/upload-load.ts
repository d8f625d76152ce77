// The load generator, a process of its own: reads one job a line from standard input, writes one result a line.
import { createInterface } from 'node:readline';
import { craftUploads, type PackageSet } from './craft-upload.ts';
import { openPutConnection } from './put-connection.ts';
import { median, quantile } from './statistics.ts';

/** Crafting comes first and is not measured; every peer of a round then gets the same packages. */
export type LoadJob =
  | {
      readonly kind: 'craft';
      readonly label: string;
      readonly count: number;
      readonly sizeBytes: number;
    }
  | {
      readonly kind: 'send';
      readonly port: number;
      /** With a slash at its end; the file name follows. */
      readonly path: string;
      readonly connections: number;
      /** No upload begins after this; those that run are finished and count. */
      readonly seconds: number;
      /** Sent with each upload, and then the body's digest too. */
      readonly token: string | undefined;
    };

export interface LoadResult {
  readonly uploads: number;
  /** From the first byte sent to the last answer. */
  readonly seconds: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

let packages: PackageSet = { heads: [], payload: Buffer.alloc(0) };

for await (const line of createInterface({ input: process.stdin })) {
  const job: LoadJob = JSON.parse(line);
  const result = await work(job);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

async function work(job: LoadJob): Promise<LoadResult> {
  if (job.kind === 'send') return send(job);
  packages = craftUploads(job.label, job.count, job.sizeBytes);
  return { uploads: 0, seconds: 0, medianMs: 0, p99Ms: 0, maxMs: 0 };
}

async function send(job: Extract<LoadJob, { kind: 'send' }>): Promise<LoadResult> {
  const { heads, payload } = packages;
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  const deadlineMs = startedMs + job.seconds * 1000;
  let next = 0;

  await Promise.all(Array.from({ length: job.connections }, sendOnOneConnection));
  const seconds = (performance.now() - startedMs) / 1000;
  return {
    uploads: latenciesMs.length,
    seconds,
    medianMs: median(latenciesMs),
    p99Ms: quantile(latenciesMs, 0.99),
    maxMs: Math.max(...latenciesMs),
  };

  async function sendOnOneConnection(): Promise<void> {
    const connection = openPutConnection(job.port);
    for (let head = heads[next++]; head !== undefined; head = heads[next++]) {
      const beganMs = performance.now();
      if (beganMs > deadlineMs) break;
      const headers =
        job.token === undefined
          ? ''
          : `Authorization: Bearer ${job.token}\r\nX-Checksum-Sha256: ${head.sha256}\r\n`;
      await connection.put({ path: `${job.path}${head.fileName}`, headers, head: head.bytes, payload });
      latenciesMs.push(performance.now() - beganMs);
    }
    connection.close();
  }
}
