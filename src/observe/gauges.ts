import { Gauge } from 'prom-client';
import type { RepositoryStatus } from '../indexing/repository-schedule.ts';
import type { Fault } from './find-faults.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** What the gauges ask for when they are read. */
export interface GaugeSources {
  readonly version: string;
  readonly listStatus: () => readonly RepositoryStatus[];
  readonly countSetAside: (repository: RepositoryName) => Promise<number>;
  readonly findFaults: () => Promise<readonly Fault[]>;
  /** How many dropped files stay where they are for a fault of their own. */
  readonly countStuckDrops: () => number;
  /** Free bytes on the tree's mount; undefined when the file system does not say. */
  readonly freeBytes: () => number | undefined;
  readonly now: () => number;
}

interface Sample {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

interface GaugeText {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
}

/** All gauges that are computed when they are read, in no registry yet. */
export function createGauges(sources: GaugeSources): readonly Gauge[] {
  return [...repositoryGauges(sources), ...queueGauges(sources), ...stateGauges(sources), ...processGauges()];
}

function repositoryGauges({ listStatus, countSetAside }: GaugeSources): readonly Gauge[] {
  const ofEach = (
    name: string,
    help: string,
    valueOf: (status: RepositoryStatus) => number | Promise<number>,
  ): Gauge =>
    gauge({ name, help, labelNames: ['repository'] }, () =>
      Promise.all(
        listStatus().map(async (status) => ({
          labels: { repository: status.repository },
          value: await valueOf(status),
        })),
      ),
    );
  return [
    ofEach(
      'rpmyard_packages',
      'Packages in the published index.',
      ({ published }) => published?.packageCount ?? 0,
    ),
    ofEach('rpmyard_packages_set_aside', 'Packages on disk that no index can describe.', ({ repository }) =>
      countSetAside(repository),
    ),
    ofEach(
      'rpmyard_index_bytes',
      'Bytes of the files that the published index consists of.',
      ({ published }) => published?.indexBytes ?? 0,
    ),
  ];
}

function queueGauges({ listStatus, now }: GaugeSources): readonly Gauge[] {
  return [
    gauge(
      { name: 'rpmyard_queue_length', help: 'Repositories that wait for an index run or are in one.' },
      () => [{ value: listStatus().filter(({ state }) => state !== 'clean').length }],
    ),
    gauge(
      {
        name: 'rpmyard_oldest_mark_age_seconds',
        help: 'Age of the oldest upload that is not in an index yet; 0 when there is none.',
      },
      () => {
        const oldest = Math.min(...listStatus().map(({ waitingSinceMs }) => waitingSinceMs ?? now()), now());
        return [{ value: (now() - oldest) / 1000 }];
      },
    ),
  ];
}

function stateGauges({ version, findFaults, countStuckDrops, freeBytes }: GaugeSources): readonly Gauge[] {
  return [
    gauge(
      {
        name: 'rpmyard_faults',
        help: 'Faults that are present now, by what they affect: uploads, indexes, drops or nothing.',
        labelNames: ['affects', 'code', 'repository'],
      },
      async () =>
        (await findFaults()).map(({ affects, error: { code }, repository }) => ({
          labels: { affects, code, ...(repository !== undefined && { repository }) },
          value: 1,
        })),
    ),
    gauge(
      {
        name: 'rpmyard_dropped_files_stuck',
        help: 'Files in the drop directory that can be neither taken nor moved away for a fault of their own.',
      },
      () => [{ value: countStuckDrops() }],
    ),
    gauge(
      {
        name: 'rpmyard_free_bytes',
        help: 'Bytes that may still be written on the mount of packages, spool and state.',
      },
      () => {
        const value = freeBytes();
        return value === undefined ? [] : [{ value }];
      },
    ),
    gauge(
      {
        name: 'rpmyard_build_info',
        help: 'Always 1; the label says which version runs.',
        labelNames: ['version'],
      },
      () => [{ labels: { version }, value: 1 }],
    ),
  ];
}

/** Those of the metrics of every client library that tell something about this service, under their usual names. */
function processGauges(): readonly Gauge[] {
  return [
    gauge(
      {
        name: 'process_start_time_seconds',
        help: 'Start time of the process since unix epoch in seconds.',
      },
      () => [{ value: performance.timeOrigin / 1000 }],
    ),
    gauge({ name: 'process_resident_memory_bytes', help: 'Resident memory size in bytes.' }, () => [
      { value: process.memoryUsage.rss() },
    ]),
  ];
}

/**
 * A gauge with the samples of the moment. One that fails (damaged records, a lost mount) has no samples, and the others
 * stay.
 */
function gauge(text: GaugeText, read: () => readonly Sample[] | Promise<readonly Sample[]>): Gauge {
  return new Gauge({
    ...text,
    labelNames: text.labelNames ?? [],
    registers: [],
    async collect() {
      const samples = await collectSamples(read);
      // Set in one turn, because others may read at the same time.
      this.reset();
      // A gauge without labels would be 0 now.
      if (text.labelNames === undefined) this.remove();
      for (const { labels = {}, value } of samples) this.inc(labels, value);
    },
  });
}

async function collectSamples(
  read: () => readonly Sample[] | Promise<readonly Sample[]>,
): Promise<readonly Sample[]> {
  try {
    return await read();
  } catch {
    return [];
  }
}
