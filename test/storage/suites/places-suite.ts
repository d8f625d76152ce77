import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toAppError } from '../../../src/errors.ts';
import type { RepositoryName } from '../../../src/rpm/repository-name.ts';
import { type BatchMember, memberFile } from '../../../src/storage/batch-store.ts';
import type { DecidedMember, FileToPlace, Places } from '../../../src/storage/places.ts';
import type { Target } from '../../../src/storage/repository-layout.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { repo } from '../../support/repo.ts';

/** Places to be tried with what belongs to them, and what may happen to them. */
export interface PlacesBed extends AsyncDisposable {
  readonly storage: Storage;
  readonly places: Places;
  /** A file of this machine, as an upload leaves one. */
  readonly fileOf: (content: string) => Promise<string>;
  /** What a host gets of a place; undefined for nothing. */
  readonly contentAt: (target: Target) => Promise<string | undefined>;
  /** The repositories that are owed an index. */
  readonly listMarked: () => Promise<readonly RepositoryName[]>;
  /** From the n-th durable step from now each of them fails, as all that a dead process would have done. */
  readonly stopAtStep: (step: number) => void;
  /** What the next process finds. Nothing stops its steps. */
  readonly crashAndReopen: () => Promise<PlacesBed>;
}

const REPOSITORIES = ['8/x86_64', '9/x86_64', '10/x86_64'].map((name) => repo(name));
/** A bound for loops, far above the number of steps in one call. */
const MAX_STEPS = 60;

const sha256Of = (content: string): string => createHash('sha256').update(content).digest('hex');

/** What every implementation of Places does. */
export function tryPlaces(openBed: () => Promise<PlacesBed>): void {
  let bed: PlacesBed;

  beforeEach(async () => {
    bed = await openBed();
    for (const repository of REPOSITORIES) await bed.storage.repositories.create(repository);
  });
  afterEach(() => bed[Symbol.asyncDispose]());

  const targetsOf = (name: string): readonly Target[] =>
    REPOSITORIES.map((repository) => ({ repository, location: `Packages/${name}.rpm` }));

  async function prepared(name: string, content = name): Promise<FileToPlace> {
    const path = await bed.fileOf(content);
    await bed.places.prepare(path);
    const facts = { nevra: name, sizeBytes: content.length, sha256: sha256Of(content) };
    return { path, ...facts, targets: targetsOf(name), signatures: new Map() };
  }

  const place = async (file: FileToPlace) =>
    bed.places.place([{ file, states: await bed.places.look(file) }]);
  const contents = (file: Pick<FileToPlace, 'targets'>) => Promise.all(file.targets.map(bed.contentAt));
  const receiptCount = async ({ sha256 }: FileToPlace) =>
    (await bed.storage.records.receiptsOf(sha256)).length;

  describe('a package', () => {
    it('is in all of its targets, with a receipt for each and a mark of each repository, also after a crash', async () => {
      const file = await prepared('a');
      expect((await bed.places.look(file)).map(({ holdsPackage }) => holdsPackage)).toEqual([
        false,
        false,
        false,
      ]);
      expect(await place(file)).toHaveLength(3);
      bed = await bed.crashAndReopen();
      expect(await contents(file)).toEqual(['a', 'a', 'a']);
      expect(await receiptCount(file)).toBe(3);
      expect((await bed.listMarked()).toSorted()).toEqual(REPOSITORIES.toSorted());
      expect((await bed.places.look(file)).every(({ holdsPackage }) => holdsPackage)).toBe(true);
    });

    it('that is placed once more keeps its receipts', async () => {
      const file = await prepared('a');
      const first = await place(file);
      expect(await place(file)).toEqual(first);
    });

    it('with other bytes than one of its targets holds goes nowhere', async () => {
      const [first, second] = targetsOf('a');
      if (first === undefined || second === undefined) throw new Error('expected targets');
      const there = { ...(await prepared('a', 'old')), targets: [second] };
      await place(there);
      const refusal = await bed.places.look(await prepared('a', 'new')).catch(toAppError);
      expect(refusal).toMatchObject({ code: 'PACKAGE_CONFLICT', details: { storedSha256: there.sha256 } });
      expect(await bed.places.has(first)).toBe(false);
      expect(await bed.places.has(second)).toBe(true);
      expect(await bed.contentAt(second)).toBe('old');
    });

    it('of two with one name at the same time is one of them in all targets', async () => {
      const files = [await prepared('a', 'one'), await prepared('a', 'two')];
      const placements = await Promise.all(
        files.map(async (file) => ({ file, states: await bed.places.look(file) })),
      );
      const results = await Promise.allSettled(placements.map((one) => bed.places.place([one])));
      const held = await contents({ targets: targetsOf('a') });
      expect(held).toEqual(Array(3).fill(results[0]?.status === 'fulfilled' ? 'one' : 'two'));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    });

    it('can be read where it lies, and is known to be the acknowledged one', async () => {
      const file = await prepared('a');
      await place(file);
      const [target] = file.targets;
      if (target === undefined) throw new Error('expected targets');
      expect(await bed.places.fileAt(target)).toBeDefined();
      expect(await bed.places.isAltered(target)).toBe(false);
      await bed.places.confirm(file.targets);
      expect(await bed.places.fileAt({ ...target, location: 'Packages/none.rpm' })).toBeUndefined();
    });

    it('whose placing fails at any step is not acknowledged, and is placed when it is sent again', async () => {
      let failures = 0;
      for (let step = 1; step < MAX_STEPS; step += 1) {
        const file = await prepared(`a${step}`);
        const states = await bed.places.look(file);
        bed.stopAtStep(step);
        const isPlaced = await bed.places.place([{ file, states }]).then(
          () => true,
          () => false,
        );
        bed.stopAtStep(Number.POSITIVE_INFINITY);
        if (isPlaced) break;
        failures += 1;
        expect(await receiptCount(file)).toBe(0);
        expect(await place(file)).toHaveLength(3);
        expect(await contents(file)).toEqual(Array(3).fill(file.nevra));
      }
      expect(failures).toBeGreaterThan(3);
      expect(failures).toBeLessThan(MAX_STEPS - 1);
    });
  });

  describe('the commit of a batch', () => {
    async function stage(id: string, names: readonly string[]): Promise<readonly DecidedMember[]> {
      const members: BatchMember[] = [];
      for (const name of names) {
        const file = await prepared(name);
        const { nevra, sha256, sizeBytes, targets } = file;
        const member = {
          file: memberFile(sha256, targets),
          nevra,
          sha256,
          sizeBytes,
          targets,
          signatures: {},
        };
        await bed.storage.batches.add(id, { path: file.path, owner: 'token ci' }, member);
        members.push(member);
      }
      return members;
    }

    const held = async (members: readonly DecidedMember[]): Promise<number> =>
      (await Promise.all(members.map(contents))).flat().filter((content) => content !== undefined).length;

    it('places all members and marks their repositories', async () => {
      const members = await stage('b', ['x', 'y']);
      await bed.places.commit('b', members);
      expect(await held(members)).toBe(6);
      expect((await bed.listMarked()).toSorted()).toEqual(REPOSITORIES.toSorted());
      expect(await bed.storage.batches.read('b')).toMatchObject({ state: 'committed' });
      expect(await bed.storage.batches.listUnplaced()).toEqual([]);
    });

    it('that is cut off at any step has placed nothing, or all of it before an index run looks', async () => {
      let cuts = 0;
      for (let step = 1; step < MAX_STEPS; step += 1) {
        const id = `b${step}`;
        const members = await stage(id, [`x${step}`, `y${step}`]);
        bed.stopAtStep(step);
        const isCommitted = await bed.places.commit(id, members).then(
          () => true,
          () => false,
        );
        bed = await bed.crashAndReopen();
        if (isCommitted) break;
        cuts += 1;
        const { state } = (await bed.storage.batches.read(id)) ?? { state: 'gone' };
        for (const repository of REPOSITORIES) await bed.storage.placeDecided(repository);
        expect(await held(members)).toBe(state === 'staged' ? 0 : 6);
        const marked = await bed.listMarked();
        expect(state === 'staged' || marked.length === REPOSITORIES.length).toBe(true);
        expect(await bed.storage.batches.listUnplaced()).toEqual([]);
        // Asked once more, it is done or finds it done.
        if (state === 'staged') await bed.places.commit(id, members);
        else await bed.places.complete(id);
        expect(await held(members)).toBe(6);
      }
      expect(cuts).toBeGreaterThan(5);
      expect(cuts).toBeLessThan(MAX_STEPS - 1);
    });
  });
}
