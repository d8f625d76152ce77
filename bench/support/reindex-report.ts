import type { RunTimes } from './reindex-peers.ts';
import { formatSpread } from './statistics.ts';

/** One run of both, one after the other, on identical trees. */
export interface RunPair {
  readonly ours: RunTimes;
  readonly bare: RunTimes;
}

/** Prints seconds of both, and how many times createrepo_c's own time the service takes. */
export function printReindexReport(title: string, pairs: readonly RunPair[]): void {
  const seconds = (pick: (pair: RunPair) => number): string =>
    formatSpread(
      pairs.map((pair) => pick(pair) / 1000),
      2,
    );
  console.log(
    [
      title.padEnd(28),
      `rpmyard ${seconds(({ ours }) => ours.totalMs)} s`,
      `createrepo_c ${seconds(({ bare }) => bare.totalMs)} s`,
      `ratio ${formatSpread(
        pairs.map(({ ours, bare }) => ours.totalMs / bare.totalMs),
        2,
      )}`,
      `logged ${seconds(({ ours }) => ours.loggedMs ?? Number.NaN)} s`,
      `own CPU ${seconds(({ ours }) => ours.serviceCpuMs ?? Number.NaN)} s`,
    ].join('  '),
  );
}
