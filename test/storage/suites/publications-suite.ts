import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Publication, Publications } from '../../../src/storage/publications.ts';
import type { Records } from '../../../src/storage/records.ts';
import { repo } from '../../support/repo.ts';
import { writeIndex } from '../../../src/indexing/engines/incremental/write-index.ts';

/** Publications to be tried, and what may happen to them. */
export interface PublicationsBed extends AsyncDisposable {
  readonly publications: Publications;
  readonly records: Records;
  /** Lets the clock of the publications go on. */
  readonly pass: (ms: number) => void;
  /** Whether a host that reads repomd.xml now gets each file that it names. */
  readonly isReadable: () => Promise<boolean>;
  /** From the n-th durable step from now each of them fails, as all that a dead process would have done. */
  readonly stopAtStep: (step: number) => void;
  readonly crashAndReopen: () => Promise<PublicationsBed>;
}

export const PUBLISHED_REPOSITORY = repo('9/x86_64');
const LOCATION = 'Packages/a.rpm';
const SHA = 'a'.repeat(64);
const HOUR_MS = 3_600_000;
const RULES = { keepOldMs: 2 * HOUR_MS, keepOldBytes: 1_000_000 };
/** A bound for loops, far above the number of steps in one publication. */
const MAX_STEPS = 60;

/** What every implementation of Publications does. */
export function tryPublications(openBed: () => Promise<PublicationsBed>): void {
  let bed: PublicationsBed;
  let made: number;

  beforeEach(async () => {
    bed = await openBed();
    made = 0;
  });
  afterEach(() => bed[Symbol.asyncDispose]());

  const publication = (given: Partial<Publication> = {}): Publication => ({
    url: 'http://repo.example.com/repo/9/x86_64/',
    signer: undefined,
    now: () => Date.UTC(2026, 0, 1),
    ...given,
  });

  /** Publishes an index without packages, each one with other metadata than the former. */
  const publish = (packages: ReadonlyMap<string, string> = new Map()) =>
    bed.publications.inScratch(async (outputDir) => {
      made += 1;
      await writeIndex([], { outputDir, format: made % 2 === 0 ? 'gzip' : 'zstd', nowMs: made * 1000 });
      return bed.publications.publish(PUBLISHED_REPOSITORY, outputDir, { ...publication(), packages });
    });

  describe('a publication', () => {
    it('is current and whole, and names the packages of before as published, also after a crash', async () => {
      const receipt = {
        repository: PUBLISHED_REPOSITORY,
        location: LOCATION,
        sha256: SHA,
        nevra: 'a',
        sizeBytes: 1,
      };
      await bed.records.saveReceipts([{ ...receipt, placedAtMs: 1, publishedAtMs: undefined }]);
      const repomd = await publish(new Map([[LOCATION, SHA]]));
      bed = await bed.crashAndReopen();
      expect(await bed.publications.current(PUBLISHED_REPOSITORY)).toEqual(repomd);
      expect(await bed.publications.isWhole(PUBLISHED_REPOSITORY, publication())).toBe(true);
      expect(await bed.isReadable()).toBe(true);
      expect((await bed.records.receiptAt(PUBLISHED_REPOSITORY, LOCATION))?.publishedAtMs).toBeDefined();
    });

    it('is not whole when another URL or another signature is configured', async () => {
      await publish();
      const others = [
        publication({ url: 'http://elsewhere.example.com/' }),
        publication({
          signer: { sign: async () => 's', isSignedNow: async () => true, publicKeys: async () => 'k' },
        }),
      ];
      for (const other of others)
        expect(await bed.publications.isWhole(PUBLISHED_REPOSITORY, other)).toBe(false);
    });

    it('that cannot be signed changes nothing', async () => {
      const before = await publish();
      const signer = {
        sign: () => Promise.reject(new Error('no key')),
        isSignedNow: async () => false,
        publicKeys: async () => '',
      };
      const failing = bed.publications.inScratch(async (outputDir) => {
        await writeIndex([], { outputDir, format: 'gzip', nowMs: 99_000 });
        const unsigned = { ...publication({ signer }), packages: new Map<string, string>() };
        return bed.publications.publish(PUBLISHED_REPOSITORY, outputDir, unsigned);
      });
      await expect(failing).rejects.toThrow('no key');
      expect(await bed.publications.current(PUBLISHED_REPOSITORY)).toEqual(before);
    });

    it('that is cut off at any step leaves the former index or the new one, and can be made again', async () => {
      await publish();
      let cuts = 0;
      for (let step = 1; step < MAX_STEPS; step += 1) {
        bed.stopAtStep(step);
        const isPublished = await publish().then(
          () => true,
          () => false,
        );
        bed = await bed.crashAndReopen();
        expect(await bed.isReadable()).toBe(true);
        if (isPublished) break;
        cuts += 1;
        await publish();
        expect(await bed.publications.isWhole(PUBLISHED_REPOSITORY, publication())).toBe(true);
      }
      expect(cuts).toBeGreaterThan(0);
      expect(cuts).toBeLessThan(MAX_STEPS - 1);
    });

    it('of which nothing is public is none', async () => {
      expect(await bed.publications.current(PUBLISHED_REPOSITORY)).toBeUndefined();
      expect(await bed.publications.isWhole(PUBLISHED_REPOSITORY, publication())).toBe(false);
    });
  });

  describe('tidying', () => {
    it('leaves what a host may still read, whenever it is asked', async () => {
      for (let run = 0; run < 3; run += 1) {
        await publish();
        await bed.publications.tidy(PUBLISHED_REPOSITORY, RULES);
        bed.pass(3 * HOUR_MS);
        await bed.publications.tidy(PUBLISHED_REPOSITORY, RULES);
        expect(await bed.isReadable()).toBe(true);
      }
      expect(await bed.publications.isWhole(PUBLISHED_REPOSITORY, publication())).toBe(true);
    });
  });
}
