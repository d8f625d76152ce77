import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buildIndex } from '../../src/indexing/engines/incremental/build-index.ts';
import type { BuiltIndex, IndexJob } from '../../src/indexing/index-engine.ts';
import { createRebuildPool, type RebuildPool } from '../../src/indexing/engines/incremental/rebuild-steps.ts';
import { IndexStates } from '../../src/indexing/engines/incremental/index-state.ts';
import { openMetadata } from '../../src/base/unpack/open-metadata.ts';
import { publishRepodata } from '../../src/storage/local/publish-repodata.ts';
import { readRepomd } from '../../src/storage/read-repomd.ts';
import type { PackageMetadataType } from '../../src/rpm/repodata/metadata-envelope.ts';
import { followSteps, haveNameCounts, readPackageNames } from '../../src/storage/package-names.ts';
import { SettledNames } from '../../src/indexing/engines/incremental/settled-names.ts';
import { craftRpm, type CraftSpec } from './craft-rpm.ts';
import { sha256Of } from './send-request.ts';
import { createTempDir } from './temp-dir.ts';
import { UNSIGNED } from './unsigned.ts';
import { repo } from './repo.ts';
import { packageFilesIn } from './package-files-in.ts';

export const REPOSITORY = repo('9/x86_64');

/** A repository that the incremental engine indexes in the thread of the test, without a service around it. */
export interface IndexedRepository extends AsyncDisposable {
  /** Holds `storage/9/x86_64`. */
  readonly root: string;
  /** Absolute path of the repository. */
  readonly dir: string;
  readonly stateDir: string;
  /** A directory for whatever the test needs beside it. */
  readonly workDir: string;
  /** Crafts a package at `Packages/<name>.rpm`, or where it is told to, and gives its location. */
  put(name: string, spec?: CraftSpec, location?: string): Promise<string>;
  /** The same for a package that goes into the tree as the service places it: the fields of a job after that. */
  place(name: string): Promise<Pick<IndexJob, 'trust' | 'acknowledged' | 'steps'>>;
  /** How often runs have read the names of all packages. */
  nameReads(): number;
  /** One run as after a start, published when it wrote something. Fields of the job as given. */
  run(job?: Partial<IndexJob>): Promise<BuiltIndex>;
  /** As a service that starts again: what was remembered in memory is gone. */
  restart(): void;
  /** As a service that starts again after the engine's state was removed. */
  dropState(): Promise<void>;
  /** Absolute path of a published file. */
  pathOf(type: string): Promise<string>;
  /** The text of a published file. */
  textOf(type: PackageMetadataType): Promise<string>;
  /** Locations in primary, in its order. */
  locations(): Promise<readonly string[]>;
}

/** @param rebuildPool takes the place of the engine's threads, which closing the repository ends. */
export async function createIndexedRepository(
  rebuildPool: RebuildPool = createRebuildPool(),
): Promise<IndexedRepository> {
  const temp = await createTempDir();
  const dir = join(temp.path, 'storage', REPOSITORY);
  const stateDir = join(temp.path, 'state');
  const workDir = join(temp.path, 'work');
  for (const path of [dir, stateDir, workDir]) await mkdir(path, { recursive: true });
  let states = new IndexStates(stateDir);
  const settledNames = new SettledNames({ follow: followSteps, haveCounts: haveNameCounts });
  let runs = 0;
  let nameReads = 0;

  const restart = (): void => {
    states.close();
    states = new IndexStates(stateDir);
  };
  const pathOf = async (type: string): Promise<string> => {
    const data = (await readRepomd(dir))?.repomd.data.find((one) => one.type === type);
    if (data === undefined) throw new Error(`expected repomd.xml to name ${type}`);
    return join(dir, data.href);
  };
  const textOf = async (type: PackageMetadataType): Promise<string> => {
    const pieces: Uint8Array[] = [];
    for await (const piece of openMetadata(await pathOf(type))) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  };

  return {
    root: temp.path,
    dir,
    stateDir,
    workDir,
    put: async (name, spec = {}, location = `Packages/${name}.rpm`) => {
      await writePackage(join(dir, location), craftRpm({ name, ...spec }));
      return location;
    },
    place: async (name) => {
      const location = `Packages/${name}.rpm`;
      const incoming = join(workDir, 'incoming.rpm');
      const bytes = craftRpm({ name });
      await writePackage(incoming, bytes);
      await mkdir(join(dir, 'Packages'), { recursive: true });
      const step = await packageFilesIn(dir).add(incoming, location);
      await rm(incoming);
      if (step === undefined) throw new Error(`expected no ${location}`);
      const acknowledged = new Map([[location, sha256Of(bytes)]]);
      return { trust: 'names', acknowledged, steps: [{ ...step, location }] };
    },
    nameReads: () => nameReads,
    run: async (job = {}) => {
      runs += 1;
      const scratchDir = join(temp.path, `scratch-${runs}`);
      await mkdir(scratchDir);
      const parts = {
        states,
        rebuildPool,
        readNames: (path: string) => {
          nameReads += 1;
          return readPackageNames(path);
        },
        settledNames,
        now: () => Date.UTC(2026, 0, 1) + runs * 1000,
        tell: () => undefined,
      };
      const built = await buildIndex({ ...defaultJob(dir, scratchDir), ...job }, parts);
      if (built.isNew) await publishRepodata(dir, scratchDir, UNSIGNED);
      await rm(scratchDir, { recursive: true });
      return built;
    },
    restart,
    dropState: async () => {
      states.close();
      await rm(stateDir, { recursive: true });
      await mkdir(stateDir);
      states = new IndexStates(stateDir);
    },
    pathOf,
    textOf,
    locations: async () =>
      [...(await textOf('primary')).matchAll(/<location href="([^"]+)"/g)].map(([, href]) => href ?? ''),
    async [Symbol.asyncDispose]() {
      await rebuildPool.close();
      states.close();
      await temp.remove();
    },
  };
}

/** A run that looks at every file and finds nothing set aside. */
export function defaultJob(repositoryDir: string, scratchDir: string): IndexJob {
  return {
    repository: REPOSITORY,
    repositoryDir,
    scratchDir,
    trust: 'files',
    acknowledged: new Map(),
    steps: [],
    setAside: new Map(),
    heldBack: new Set(),
    kept: new Map(),
    isFoundIndexKept: false,
    format: 'gzip',
    isPublicationWanted: false,
  };
}

/** Writes a package, and its directory when there is none. */
export async function writePackage(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

/** Gives a file other bytes and leaves its inode, size and mtime (to the microsecond, as Node sets it) as they are. */
export async function garble(path: string): Promise<void> {
  const { size, atimeMs, mtimeMs } = await stat(path);
  await writeFile(path, Buffer.alloc(size, 'garbage '));
  await utimes(path, atimeMs / 1000, mtimeMs / 1000);
}

/** Inverts a bit of the byte in the middle of a file. */
export async function flipMiddleByte(path: string): Promise<void> {
  const bytes = await readFile(path);
  const middle = Math.floor(bytes.length / 2);
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
  await writeFile(path, bytes);
}
