import { copyFile, mkdir, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { BuiltIndex, IndexEngine } from '../../src/indexing/index-engine.ts';
import type { IndexFormatName } from '../../src/indexing/engines/incremental/index-format.ts';
import { PendingChanges } from '../../src/indexing/pending-changes.ts';
import { publishRepodata } from '../../src/storage/local/publish-repodata.ts';
import { buildSpec } from '../support/build-spec.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { incrementalEngine } from '../support/index-engines.ts';
import { packageFilesIn } from '../support/package-files-in.ts';
import { writePackage } from '../support/indexed-repository.ts';
import { isLongRun } from '../support/is-long-run.ts';
import { type MetadataJudge, startMetadataJudge } from '../support/metadata-judge.ts';
import { createRandom, type Random } from '../support/random.ts';
import { runCreaterepo } from '../support/run-createrepo.ts';
import { sha256Of } from '../support/send-request.ts';
import { sequenceSpec } from '../support/sequence-spec.ts';
import { SPEC_FILES } from '../support/spec-files.ts';
import { createTempDir } from '../support/temp-dir.ts';
import { UNSIGNED } from '../support/unsigned.ts';
import { repo } from '../support/repo.ts';

const REPOSITORY = repo('9/x86_64');
const SEED = Number(process.env['RPMYARD_SEED'] ?? 20_260_101);
const STEPS = isLongRun ? 200 : 40;
const FIRST_PACKAGES = 150;
/** createrepo_c with --update believes size and mtime; so often it reads everything. */
const FRESH_EVERY = 20;
const FOLDERS = [
  'Packages',
  'Packages/p',
  'Packages/deep/er',
  'Packages/ünï & co',
  'Packages/Q',
  'extra',
] as const;
const FIRST_MTIME_SECONDS = 1_700_000_000;

/** A service's repository on one side, the same packages indexed by createrepo_c on the other. */
class Sequence {
  readonly random: Random;
  readonly #root: string;
  readonly #judge: MetadataJudge;
  #engine: IndexEngine;
  #changes = new PendingChanges();
  #format: IndexFormatName = 'gzip';
  #packages: string[] = [];
  #made = 0;
  #clock = 0;
  /** What was compared, at most. */
  readonly seen = { formats: new Set<string>(), bytes: 0, fileCount: 0 };

  constructor(root: string, judge: MetadataJudge, random: Random) {
    this.#root = root;
    this.#judge = judge;
    this.random = random;
    this.#engine = incrementalEngine(join(root, 'state'));
  }

  get directory(): string {
    return join(this.#root, 'storage', REPOSITORY);
  }

  async takeIn(builtDir: string): Promise<void> {
    for (const name of await readdir(builtDir)) {
      const location = `Packages/${name}`;
      await mkdir(dirname(this.#pathOf(location)), { recursive: true });
      await copyFile(join(builtDir, name), this.#pathOf(location));
      await this.#stamp(this.#pathOf(location));
      this.#packages.push(location);
    }
  }

  /** By the service, which then knows what it placed, or by hand. */
  async add(count: number, isByHand: boolean): Promise<string> {
    for (let added = 0; added < count; added += 1) {
      this.#made += 1;
      const folder = isByHand ? this.random.pick(FOLDERS) : 'Packages';
      const location = `${folder}/package${this.#made}-1+${this.random.below(9)}~rc.rpm`;
      this.#packages.push(location);
      if (isByHand) await this.#write(this.#pathOf(location), this.#made);
      else await this.#place(location, this.#made);
    }
    return `add ${count}${isByHand ? ' by hand' : ''}`;
  }

  async remove(count: number): Promise<string> {
    const removed = Array.from({ length: count }, () => this.#takeAny());
    for (const location of removed) await rm(this.#pathOf(location));
    return `remove ${removed.join(', ')}`;
  }

  /** A whole stretch of neighbours, so that groups become empty or small. */
  async removeStretch(): Promise<string> {
    const sorted = this.#packages.toSorted();
    const start = this.random.below(sorted.length);
    const removed = sorted.slice(start, start + 30);
    for (const location of removed) await rm(this.#pathOf(location));
    this.#packages = sorted.filter((location) => !removed.includes(location));
    return `remove ${removed.length} from ${removed[0]} on`;
  }

  async replace(count: number): Promise<string> {
    const replaced = Array.from({ length: count }, () => this.random.pick(this.#packages));
    for (const location of replaced) await this.#write(this.#pathOf(location), 100_000 + this.#clock);
    this.#changes.distrust(REPOSITORY, 'files');
    return `replace ${replaced.join(', ')}`;
  }

  async move(): Promise<string> {
    const from = this.#takeAny();
    const to = `${this.random.pick(FOLDERS)}/${basename(from)}`;
    await mkdir(dirname(this.#pathOf(to)), { recursive: true });
    await rename(this.#pathOf(from), this.#pathOf(to));
    this.#packages.push(to);
    this.#changes.distrust(REPOSITORY, 'files');
    return `move ${from} to ${to}`;
  }

  async restart(isStateLost: boolean): Promise<string> {
    await this.#engine.close();
    if (isStateLost) await rm(join(this.#root, 'state', 'index.sqlite'), { force: true });
    if (isStateLost)
      for (const end of ['-wal', '-shm'])
        await rm(join(this.#root, `state/index.sqlite${end}`), { force: true });
    this.#engine = incrementalEngine(join(this.#root, 'state'));
    this.#changes = new PendingChanges();
    return isStateLost ? 'lose the state' : 'restart';
  }

  switchFormat(): string {
    this.#format = this.#format === 'gzip' ? 'zstd' : 'gzip';
    return `switch to ${this.#format}`;
  }

  /** Both indexes of what is there now, compared. */
  async compare(isFresh: boolean): Promise<readonly string[]> {
    this.#clock += 1;
    const theirs = join(this.#root, 'theirs');
    if (isFresh) await rm(theirs, { recursive: true, force: true });
    await mkdir(theirs, { recursive: true });
    const [built] = await Promise.all([
      this.#index(),
      runCreaterepo(
        this.directory,
        '--update',
        `--update-md-path=${theirs}`,
        `--outputdir=${theirs}`,
        '--workers=1',
      ),
    ]);
    const judgement = await this.#judge.compare(this.directory, theirs);
    this.seen.formats.add(this.#format);
    this.seen.bytes = Math.max(this.seen.bytes, judgement.bytes);
    this.seen.fileCount = Math.max(this.seen.fileCount, judgement.fileCount);
    const counts = [built.packageCount, judgement.packageCount, this.#packages.length];
    const isCountRight = new Set(counts).size === 1;
    return [
      ...judgement.differences,
      ...(isCountRight ? [] : [`packages: ${counts.join(', ')}`]),
      ...built.warnings,
      ...built.leftOut.map(({ location, reason }) => `left out: ${location}: ${reason}`),
    ];
  }

  /** A run as the service does it. */
  async #index(): Promise<BuiltIndex> {
    const { trust, placed, steps } = this.#changes.take(REPOSITORY);
    const scratchDir = join(this.#root, `scratch-${this.#clock}`);
    await mkdir(scratchDir);
    const job = {
      repository: REPOSITORY,
      repositoryDir: this.directory,
      scratchDir,
      trust,
      acknowledged: placed,
      steps,
      setAside: new Map<string, string>(),
      heldBack: new Set<string>(),
      kept: new Map<string, string>(),
      isFoundIndexKept: false,
      format: this.#format,
      isPublicationWanted: false,
    };
    const run = { signal: new AbortController().signal, onProgress: () => undefined };
    const built = await this.#engine.build(job, run);
    if (built.isNew) await publishRepodata(this.directory, scratchDir, UNSIGNED);
    await rm(scratchDir, { recursive: true });
    return built;
  }

  async close(): Promise<void> {
    await this.#engine.close();
  }

  /** As the service does it. */
  async #place(location: string, number: number): Promise<void> {
    const incoming = join(this.#root, 'incoming.rpm');
    const sha256 = sha256Of(await this.#write(incoming, number));
    await mkdir(dirname(this.#pathOf(location)), { recursive: true });
    const step = await packageFilesIn(this.directory).add(incoming, location);
    await rm(incoming);
    this.#changes.notePlaced(REPOSITORY, { location, sha256, step });
  }

  #pathOf(location: string): string {
    return join(this.directory, location);
  }

  #takeAny(): string {
    const location = this.random.pick(this.#packages);
    this.#packages = this.#packages.filter((one) => one !== location);
    return location;
  }

  async #write(path: string, number: number): Promise<Buffer> {
    const bytes = craftRpm(sequenceSpec(number, this.random));
    await writePackage(path, bytes);
    await this.#stamp(path);
    return bytes;
  }

  /** No two files ever have the same mtime: createrepo_c would take the one for the other. */
  async #stamp(path: string): Promise<void> {
    this.#clock += 1;
    const seconds = FIRST_MTIME_SECONDS + this.#clock;
    await utimes(path, seconds, seconds);
  }
}

async function change(sequence: Sequence): Promise<string> {
  const { random } = sequence;
  const chance = random.next();
  if (chance < 0.2) return sequence.add(1 + random.below(5), false);
  if (chance < 0.3) return sequence.add(1 + random.below(5), true);
  if (chance < 0.56) return sequence.remove(1 + random.below(5));
  if (chance < 0.58) return sequence.removeStretch();
  if (chance < 0.6) return sequence.add(30, true);
  if (chance < 0.74) return sequence.replace(1 + random.below(3));
  if (chance < 0.88) return sequence.move();
  if (chance < 0.92) return sequence.restart(true);
  if (chance < 0.95) return sequence.restart(false);
  return sequence.switchFormat();
}

test(`after each of ${STEPS} random changes the metadata says of every package what createrepo_c says (seed ${SEED})`, async () => {
  await using root = await createTempDir();
  await mkdir(join(root.path, 'state'));
  const built = join(root.path, 'built');
  for (const spec of SPEC_FILES) await buildSpec(spec, built);
  await using judge = startMetadataJudge();
  const sequence = new Sequence(root.path, judge, createRandom(SEED));
  try {
    await sequence.takeIn(built);
    await sequence.add(FIRST_PACKAGES, true);
    expect(await sequence.compare(true)).toEqual([]);
    const history: string[] = [];
    for (let step = 1; step <= STEPS; step += 1) {
      history.push(await change(sequence));
      // Changes often come together: a package and a start, a removal and another format.
      if (sequence.random.next() < 0.3) history.push(await change(sequence));
      // Chance alone would leave it out of a short run now and then.
      if (step === STEPS / 2) history.push(sequence.switchFormat());
      const differences = await sequence.compare(step % FRESH_EVERY === 0);
      expect({ seed: SEED, step, last: history.slice(-3), differences }).toMatchObject({ differences: [] });
    }
    // So that what is compared is worth it: several groups, both formats.
    expect(sequence.seen.bytes).toBeGreaterThan(1024 * 1024);
    expect(sequence.seen.fileCount).toBeGreaterThan(4_000);
    expect([...sequence.seen.formats].toSorted()).toEqual(['gzip', 'zstd']);
  } finally {
    await sequence.close();
  }
}, 300_000);

test('the judge finds a difference of one field, of one package and of one file name', async () => {
  await using root = await createTempDir();
  await using judge = startMetadataJudge();
  const one = { name: 'one', summary: 'first', files: [{ path: '/usr/share/one' }] };
  const variants = {
    same: [one],
    summary: [{ ...one, summary: 'other' }],
    file: [{ ...one, files: [{ path: '/usr/share/two' }] }],
    more: [one, { name: 'two' }],
  };
  for (const [folder, specs] of Object.entries(variants)) {
    for (const spec of specs) {
      const path = join(root.path, folder, `${spec.name}.rpm`);
      await writePackage(path, craftRpm(spec));
      await utimes(path, 1_000, 1_000);
    }
    await runCreaterepo(join(root.path, folder));
  }
  const same = join(root.path, 'same');
  expect(await judge.compare(same, same)).toMatchObject({ differences: [], packageCount: 1 });
  for (const [folder, words] of [
    ['summary', [/createrepo: summary/, /solv: SUMMARY/]],
    ['file', [/createrepo: files/, /solv: files/]],
    ['more', [/createrepo: only the second/, /solv: only the second/]],
  ] as const) {
    const { differences } = await judge.compare(same, join(root.path, folder));
    for (const word of words) expect(differences.join('\n')).toMatch(word);
  }
  await writeFile(join(same, 'repodata/repomd.xml'), '<repomd/>');
  expect((await judge.compare(same, same)).differences).toHaveLength(1);
});
