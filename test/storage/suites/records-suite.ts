import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toAppError } from '../../../src/errors.ts';
import type { NonceUse, Receipt, Records, SetAside } from '../../../src/storage/records.ts';
import { repo } from '../../support/repo.ts';

/** Records to be tried, and what may happen to them. */
export interface RecordsBed extends AsyncDisposable {
  readonly records: Records;
  /** Gives what the next process finds of what this one, killed now, has done. */
  readonly crashAndReopen: () => Promise<Records>;
  /** Leaves no room for what comes next. @returns makes room again. */
  readonly fillDisk: () => () => void;
}

const SHA_A = 'a'.repeat(64);
const SHA_B = 'b'.repeat(64);

function receipt(fields: Partial<Receipt> = {}): Receipt {
  return {
    repository: repo('9/x86_64'),
    location: 'Packages/a-1-1.el9.x86_64.rpm',
    sha256: SHA_A,
    nevra: 'a-1-1.el9.x86_64',
    sizeBytes: 1234,
    placedAtMs: 1_700_000_000_123,
    publishedAtMs: undefined,
    ...fields,
  };
}

function aside(fields: Partial<SetAside> = {}): SetAside {
  return {
    repository: repo('9/x86_64'),
    location: 'Packages/a.rpm',
    identity: '1-2-3',
    reason: 'it holds text that XML cannot hold',
    sinceMs: 1_700_000_000_000,
    ...fields,
  };
}

/** What every implementation of Records does. */
export function tryRecords(openBed: () => Promise<RecordsBed>): void {
  let bed: RecordsBed;
  let records: Records;

  beforeEach(async () => {
    bed = await openBed();
    records = bed.records;
  });

  afterEach(() => bed[Symbol.asyncDispose]());

  describe('receipts', () => {
    it('are found by their digest, in every repository, in order', async () => {
      await records.saveReceipts([
        receipt({ repository: repo('9/x86_64') }),
        receipt({ repository: repo('9/aarch64') }),
      ]);
      await records.saveReceipts([receipt({ location: 'Packages/b.rpm', sha256: SHA_B })]);
      expect(await records.receiptsOf(SHA_A)).toEqual([
        receipt({ repository: repo('9/aarch64') }),
        receipt({ repository: repo('9/x86_64') }),
      ]);
      expect(await records.receiptsOf('c'.repeat(64))).toEqual([]);
    });

    it('are listed in pieces, in order of location', async () => {
      const all = ['a', 'b', 'c', 'd', 'e'].map((name) => receipt({ location: `Packages/${name}.rpm` }));
      await records.saveReceipts([...all.toReversed(), receipt({ repository: repo('9/aarch64') })]);
      const first = await records.receiptsAfter(repo('9/x86_64'), '', 2);
      expect(first).toEqual(all.slice(0, 2));
      expect(await records.receiptsAfter(repo('9/x86_64'), first[1]?.location ?? '', 9)).toEqual(
        all.slice(2),
      );
      expect(await records.receiptsAfter(repo('9/x86_64'), 'Packages/e.rpm', 9)).toEqual([]);
    });

    it('outlive the process', async () => {
      await records.saveReceipts([receipt()]);
      records = await bed.crashAndReopen();
      expect(await records.receiptsOf(SHA_A)).toEqual([receipt()]);
    });

    it('are replaced at the same place', async () => {
      await records.saveReceipts([receipt()]);
      await records.saveReceipts([receipt({ sha256: SHA_B, placedAtMs: 5 })]);
      expect(await records.receiptsOf(SHA_A)).toEqual([]);
      expect(await records.receiptsOf(SHA_B)).toEqual([receipt({ sha256: SHA_B, placedAtMs: 5 })]);
    });

    it('keep numbers beyond 32 bits and text of any kind', async () => {
      const odd = receipt({
        sizeBytes: 2 ** 52,
        placedAtMs: 2 ** 43,
        nevra: "a'; DROP TABLE receipt; --\u0000ä🎉",
      });
      await records.saveReceipts([odd]);
      expect(await records.receiptsOf(SHA_A)).toEqual([odd]);
    });

    it('finds a package that was signed here by the digest it was sent with', async () => {
      const signature = {
        state: 'good',
        keyId: '0123456789ABCDEF',
        received: { state: 'unsigned' },
      } as const;
      const signed = receipt({ receivedSha256: SHA_B, signature });
      await records.saveReceipts([signed]);
      expect(await records.receiptsOfReceived(SHA_B)).toEqual([signed]);
      expect(await records.receiptAt(signed.repository, signed.location)).toEqual(signed);
      expect(await records.receiptsOfReceived(SHA_A)).toEqual([]);
    });

    it('give the acknowledged digests of one repository', async () => {
      await records.saveReceipts([
        receipt(),
        receipt({ location: '__proto__', sha256: SHA_B }),
        receipt({ repository: repo('9/SRPMS'), location: 'Packages/c.rpm' }),
      ]);
      expect(await records.acknowledgedDigests(repo('9/x86_64'))).toEqual(
        new Map([
          ['Packages/a-1-1.el9.x86_64.rpm', SHA_A],
          ['__proto__', SHA_B],
        ]),
      );
      expect(await records.acknowledgedDigests(repo('none/none'))).toEqual(new Map());
    });
  });

  describe('publishing', () => {
    const location = receipt().location;

    it('marks a receipt with the time of the first index that holds it', async () => {
      await records.saveReceipts([receipt()]);
      await records.markPublished(repo('9/x86_64'), new Map([[location, SHA_A]]), 111);
      await records.markPublished(repo('9/x86_64'), new Map([[location, SHA_A]]), 222);
      expect(await records.receiptsOf(SHA_A)).toEqual([receipt({ publishedAtMs: 111 })]);
    });

    it('marks nothing that the index holds with other bytes, at another place, or not at all', async () => {
      await records.saveReceipts([receipt()]);
      for (const published of [
        new Map([[location, SHA_B]]),
        new Map([['Packages/other.rpm', SHA_A]]),
        new Map(),
      ]) {
        await records.markPublished(repo('9/x86_64'), published, 111);
      }
      await records.markPublished(repo('9/aarch64'), new Map([[location, SHA_A]]), 111);
      expect(await records.receiptsOf(SHA_A)).toEqual([receipt()]);
    });

    it('does not need a receipt for every package of the index', async () => {
      await records.markPublished(repo('9/x86_64'), new Map([['Packages/by-hand.rpm', SHA_A]]), 111);
      expect(await records.receiptsOf(SHA_A)).toEqual([]);
    });
  });

  describe('packages that are set aside', () => {
    it('are listed by repository, in order of location', async () => {
      await records.setAside([
        aside({ location: 'Packages/b.rpm' }),
        aside(),
        aside({ repository: repo('9/SRPMS') }),
      ]);
      expect(await records.listSetAside(repo('9/x86_64'))).toEqual([
        aside(),
        aside({ location: 'Packages/b.rpm' }),
      ]);
      records = await bed.crashAndReopen();
      expect(await records.listSetAside(repo('9/SRPMS'))).toEqual([aside({ repository: repo('9/SRPMS') })]);
    });

    it('have one record each, the latest', async () => {
      await records.setAside([aside()]);
      await records.setAside([aside({ identity: '4-5-6', reason: 'another' })]);
      expect(await records.listSetAside(repo('9/x86_64'))).toEqual([
        aside({ identity: '4-5-6', reason: 'another' }),
      ]);
    });

    it('say why', async () => {
      await records.setAside([aside()]);
      expect(await records.setAsideReason(repo('9/x86_64'), 'Packages/a.rpm')).toBe(aside().reason);
      expect(await records.setAsideReason(repo('9/x86_64'), 'Packages/b.rpm')).toBeUndefined();
      expect(await records.setAsideReason(repo('9/SRPMS'), 'Packages/a.rpm')).toBeUndefined();
    });

    it('are taken back one by one, or all of a repository', async () => {
      await records.setAside([
        aside(),
        aside({ location: 'Packages/b.rpm' }),
        aside({ location: 'Packages/c.rpm' }),
        aside({ repository: repo('9/SRPMS') }),
      ]);
      await records.takeBack(repo('9/x86_64'), 'Packages/b.rpm');
      expect((await records.listSetAside(repo('9/x86_64'))).map((each) => each.location)).toEqual([
        'Packages/a.rpm',
        'Packages/c.rpm',
      ]);
      await records.takeAllBack(repo('9/x86_64'));
      expect(await records.listSetAside(repo('9/x86_64'))).toEqual([]);
      expect(await records.listSetAside(repo('9/SRPMS'))).toHaveLength(1);
    });
  });

  describe('a nonce', () => {
    const NOW_MS = Date.UTC(2026, 0, 1);
    const HOUR_MS = 3_600_000;
    const EXPIRES_AT_MS = NOW_MS + 301_000;
    const use = (nowMs: number, given: Partial<NonceUse> = {}): Promise<boolean> =>
      records.useNonce({ keyId: 'build1', nonce: 'n1', expiresAtMs: EXPIRES_AT_MS, nowMs, ...given });
    /** Of a later request, which makes room for new nonces. */
    const useAnother = (nowMs: number): Promise<boolean> =>
      use(nowMs, { nonce: String(nowMs), expiresAtMs: nowMs + 301_000 });

    it('can be used once by each key, also after a restart', async () => {
      expect(await use(NOW_MS)).toBe(true);
      expect(await use(NOW_MS)).toBe(false);
      expect(await use(NOW_MS, { keyId: 'build2' })).toBe(true);
      records = await bed.crashAndReopen();
      expect(await use(NOW_MS)).toBe(false);
      expect(await records.isNonceUsed('build1', 'n1')).toBe(true);
      expect(await records.isNonceUsed('build1', 'n2')).toBe(false);
    });

    it('is remembered for a day after its time, so that a clock set back by less makes no request good again', async () => {
      await use(NOW_MS);
      await useAnother(EXPIRES_AT_MS + 24 * HOUR_MS);
      expect(await use(NOW_MS)).toBe(false);
    });

    it('is forgotten after that', async () => {
      await use(NOW_MS);
      await useAnother(EXPIRES_AT_MS + 24 * HOUR_MS + 1);
      expect(await records.isNonceUsed('build1', 'n1')).toBe(false);
    });

    it('can be used by one of several requests that come at the same time', async () => {
      const taken = await Promise.all([use(NOW_MS), use(NOW_MS), use(NOW_MS)]);
      expect(taken.filter((isFresh) => isFresh)).toHaveLength(1);
    });
  });

  describe('faults of packages', () => {
    const fault = (location: string, repository = '9/x86_64') => ({
      repository: repo(repository),
      location,
      identity: '1-2-3',
      code: 'PACKAGE_DAMAGED' as const,
      reason: 'a reason',
      sinceMs: 1,
    });

    it('are counted for each repository and code with the first of them, until they end', async () => {
      await records.savePackageFaults([
        fault('b.rpm'),
        fault('a.rpm'),
        { ...fault('c.rpm'), code: 'PACKAGE_HELD_BACK' },
        fault('a.rpm', '9/aarch64'),
      ]);
      expect(await records.countPackageFaults()).toEqual([
        { count: 1, first: fault('a.rpm', '9/aarch64') },
        { count: 2, first: fault('a.rpm') },
        { count: 1, first: { ...fault('c.rpm'), code: 'PACKAGE_HELD_BACK' } },
      ]);
      expect(await records.packageFaultAt(repo('9/x86_64'), 'b.rpm')).toEqual(fault('b.rpm'));
      await records.endPackageFaults(repo('9/x86_64'), ['a.rpm', 'b.rpm', 'c.rpm']);
      expect(await records.listPackageFaults(repo('9/x86_64'))).toEqual([]);
      expect(await records.listPackageFaults(repo('9/aarch64'))).toEqual([fault('a.rpm', '9/aarch64')]);
    });
  });

  describe('a change of several rows', () => {
    const many = (): readonly Receipt[] =>
      Array.from({ length: 2000 }, (_, index) => receipt({ location: `Packages/${index}.rpm` }));

    it('is made as a whole or not at all', async () => {
      const bad = receipt({ repository: repo('9/aarch64'), sizeBytes: 0.5 });
      await expect(records.saveReceipts([receipt(), bad])).rejects.toBeInstanceOf(Error);
      expect(await records.receiptsOf(SHA_A)).toEqual([]);
      await records.saveReceipts([receipt()]);
      expect(await records.receiptsOf(SHA_A)).toEqual([receipt()]);
    });

    it('that finds the disk full is not made, keeps what was there, and is made when there is room again', async () => {
      await records.saveReceipts([receipt()]);
      const makeRoom = bed.fillDisk();
      for (let attempt = 0; attempt < 2; attempt += 1) {
        const refusal = await records.saveReceipts(many()).catch(toAppError);
        expect(refusal).toMatchObject({ code: 'STORAGE_FULL' });
      }
      expect(await records.receiptsOf(SHA_A)).toEqual([receipt()]);
      makeRoom();
      await records.saveReceipts(many());
      expect(await records.receiptsOf(SHA_A)).toHaveLength(2001);
    });

    it('outlives a process that is killed right after it', async () => {
      await records.saveReceipts(many());
      await records.setAside([aside()]);
      records = await bed.crashAndReopen();
      expect(await records.receiptsOf(SHA_A)).toHaveLength(2000);
      expect(await records.listSetAside(repo('9/x86_64'))).toEqual([aside()]);
    });

    it('may follow a probe', async () => {
      await records.probe();
      await records.saveReceipts([receipt()]);
      await records.probe();
      expect(await records.receiptsOf(SHA_A)).toHaveLength(1);
    });
  });

  describe('what is remembered of a repository', () => {
    it('goes with the packages that are gone, but for those placed since', async () => {
      const [old, young] = [
        receipt({ placedAtMs: 5 }),
        receipt({ location: 'Packages/b.rpm', placedAtMs: 7 }),
      ];
      await records.saveReceipts([old, young, receipt({ repository: repo('9/aarch64'), placedAtMs: 5 })]);
      await records.forget(repo('9/x86_64'), [old.location, young.location], 6);
      expect(await records.listReceipts(repo('9/x86_64'))).toEqual([young]);
      expect(await records.listRepositories()).toEqual(['9/aarch64', '9/x86_64']);
    });
  });
}
