import { printable } from '../errors.ts';
import type { PushFailure } from '../client/push-failure.ts';
import type { FileStatus, PushedFile } from '../client/push-file.ts';
import type { PushReport } from '../client/push-files.ts';
import type { BatchEnd, PushedBatch } from '../client/pushed-batch.ts';
import type { Outcome } from '../client/read-answer.ts';
import { counted } from './progress-bar.ts';

const WIDTH = 80;

const STATUSES: readonly FileStatus[] = [
  'created',
  'unchanged',
  'staged',
  'waiting',
  'refused',
  'failed',
  'unsent',
];

const WORDS: Readonly<Partial<Record<FileStatus, string>>> = {
  waiting: 'not in the index yet',
  unsent: 'not sent',
};

/** `created hello-1.0-1.el9.noarch in 9/x86_64, 9/aarch64`. */
export function acceptedLine(status: FileStatus, { nevra, places }: Outcome): string {
  const [first = '', ...others] = places.map(({ repository }) => repository);
  const begin = `${status} ${nevra} in `;
  const whole = `${begin}${[first, ...others].join(', ')}`;
  const line =
    whole.length <= WIDTH || others.length === 0 ? whole : `${begin}${first} and ${others.length} more`;
  return `${printable(line)}\n`;
}

/** `warning: hello-1.0-1.el9.noarch: ...`, one of each. */
export function warningLines({ nevra, warnings = [] }: Outcome): string {
  return warnings.map(({ code, text }) => `warning: ${printable(`${nevra}: ${code}: ${text}`)}\n`).join('');
}

/** `40 packages in 12.3 s: 38 created, 2 unchanged, all in the index`. */
export function summaryLine({ results, batch }: PushReport, tookMs: number, isInIndex: boolean): string {
  const counts = STATUSES.map((status) => ({
    status,
    count: results.filter((result) => result.status === status).length,
  }))
    .filter(({ count }) => count > 0)
    .map(({ status, count }) => `${count} ${WORDS[status] ?? status}`);
  const ends = [...counts, ...(isInIndex ? ['all in the index'] : []), ...batchWords(batch)];
  const seconds = (tookMs / 1000).toFixed(1);
  return `${counted(results.length, 'package')} in ${seconds} s: ${ends.join(', ')}\n`;
}

/** Says of a batch that is not published and in the index what happened to it, and what to do with it. */
export function batchNote(batch: PushedBatch, url: URL): string {
  const text = batchText(batch, url);
  return text === '' ? '' : `batch ${batch.id}: ${text}\n`;
}

function batchText({ state, failure, keptUntil }: PushedBatch, { href }: URL): string {
  const until = keptUntil === undefined ? '' : ` until ${printable(keptUntil)}`;
  const dropIt = `drop it, with the token, by\n  curl -X DELETE ${href}`;
  const texts: Readonly<Record<BatchEnd, string>> = {
    committed: '',
    waiting: 'it is accepted, and the service goes on with it',
    refused: `nothing of it is published, and it stays on the service${until}; ${dropIt}`,
    dropped: `${failure === undefined ? '' : 'it is dropped: '}nothing of it is published, and nothing of it is on the service`,
    kept: `nothing of it is published; it stays on the service${until}, and the same command goes on with it; ${dropIt}`,
    // Without a failure the client never asked for its commit.
    unknown:
      failure === undefined
        ? `it may be on the service still; ${dropIt}`
        : `it is not known whether it is published; ask with\n  curl ${href}`,
  };
  return texts[state];
}

/** The document of --json; it passes on the words of the service as they are. */
export function jsonDocument({ results, batch }: PushReport, exitCode: number): string {
  const document = {
    files: results.map(({ file, status, attempts, sha256, outcome, failure }: PushedFile) => ({
      ...outcome,
      ...(failure !== undefined && facts(failure)),
      ...(outcome === undefined && { sha256 }),
      file: file.path,
      status,
      attempts,
    })),
    ...(batch !== undefined && {
      batch: {
        id: batch.id,
        state: batch.state,
        ...(batch.keptUntil !== undefined && { keptUntil: batch.keptUntil }),
        ...(batch.failure !== undefined && facts(batch.failure)),
      },
    }),
    exitCode,
  };
  // JSON leaves C1 and direction characters as they are; escaped they mean the same.
  return `${printable(JSON.stringify(document))}\n`;
}

function facts({ code, message, hint }: PushFailure): object {
  return { code, detail: message, hint };
}

function batchWords(batch: PushedBatch | undefined): readonly string[] {
  return batch?.state === 'committed' ? [`batch ${batch.id} is published`] : [];
}
