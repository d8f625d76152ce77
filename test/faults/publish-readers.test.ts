import { describe, expect, test } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { isLongRun } from '../support/is-long-run.ts';
import { readerOverHttp, readIndex, readNamedFiles } from '../support/read-index.ts';
import { type Front, type Site, startSite } from '../support/run-site.ts';
import { putPackage, sendRequest } from '../support/send-request.ts';
import { type EngineName, withEngine } from '../support/with-engine.ts';

const REPOSITORY = '9/x86_64';
const PUBLISHES = isLongRun ? 200 : 40;
/** Publishes between the repomd.xml that a slow reader begins with and the files it then asks for. */
const BEHIND = 20;

interface Reading {
  /** Whole readings of repomd.xml and all that it names. */
  readonly readings: number;
  /** What was missing, had another checksum, or was older than what was read before. */
  readonly faults: readonly string[];
}

/** Reads the index again and again until there is nothing more to come; it may only grow. */
async function readUntil(site: Site, isOver: () => boolean): Promise<Reading> {
  const read = readerOverHttp(site.baseUrl, REPOSITORY);
  const faults: string[] = [];
  let readings = 0;
  let seen = 0;
  while (!isOver()) {
    try {
      const { packages } = await readIndex(read);
      if (packages.size < seen) faults.push(`${packages.size} packages after ${seen}`);
      seen = packages.size;
    } catch (error) {
      faults.push(String(error));
    }
    readings += 1;
  }
  return { readings, faults };
}

/** Asks for the files of an index that was replaced many publishes ago, as a client on a slow line does. */
class SlowReader {
  readonly faults: string[] = [];
  readings = 0;
  readonly #site: Site;
  readonly #remembered: string[] = [];

  constructor(site: Site) {
    this.#site = site;
  }

  async afterPublish(): Promise<void> {
    const read = readerOverHttp(this.#site.baseUrl, REPOSITORY);
    this.#remembered.push((await read('repodata/repomd.xml')).toString());
    if (this.#remembered.length <= BEHIND) return;
    try {
      await readNamedFiles(this.#remembered.shift() ?? '', read);
    } catch (error) {
      this.faults.push(String(error));
    }
    this.readings += 1;
  }
}

describe('readers of a repository that is published all the time', () => {
  test.each<[Front, EngineName]>([
    ['nginx', 'incremental'],
    ['none', 'incremental'],
    ['nginx', 'createrepo'],
  ])(
    'never miss a file and never get other bytes than repomd.xml says (front: %s, engine: %s)',
    async (front, engine) => {
      await using site = await startSite(withEngine(engine, { front }));
      await putPackage(site.baseUrl, craftRpm({ name: 'first' }), 'wait=50');
      let isOver = false;
      const reader = readUntil(site, () => isOver);
      const slow = new SlowReader(site);
      const statuses = new Set<number>();
      for (let number = 1; number < PUBLISHES; number += 1) {
        const answer = await putPackage(site.baseUrl, craftRpm({ name: `published${number}` }), 'wait=50');
        statuses.add(answer.status);
        await slow.afterPublish();
      }
      isOver = true;
      const { readings, faults } = await reader;

      expect(faults).toEqual([]);
      expect(slow.faults).toEqual([]);
      expect([...statuses]).toEqual([201]);
      expect(slow.readings).toBe(PUBLISHES - 1 - BEHIND);
      expect(readings).toBeGreaterThan(PUBLISHES);
      const metrics = await sendRequest(site.baseUrl, { path: '/metrics' });
      expect(metrics.text).toContain(`rpmyard_index_runs_total{result="published"} ${PUBLISHES}`);
    },
    120_000,
  );
});
