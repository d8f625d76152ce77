import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  followSteps,
  haveNameCounts,
  type KnownDirectories,
  type PlacedStep,
  readPackageNames,
} from '../../src/storage/package-names.ts';
import { packageFilesIn } from '../support/package-files-in.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

let temp: TempDir;
let repository: string;
let known: KnownDirectories;

beforeEach(async () => {
  temp = await createTempDir();
  repository = join(temp.path, 'repository');
  await mkdir(join(repository, 'Packages'), { recursive: true });
  await writeFile(join(repository, 'Packages/first.rpm'), '');
  known = (await readPackageNames(repository)).directories;
});
afterEach(() => temp[Symbol.asyncDispose]());

const packagesOf = (directories: KnownDirectories | undefined) => directories?.get('Packages')?.nameCount;

async function place(name: string, how: 'add' | 'replace' = 'add'): Promise<PlacedStep> {
  const location = `Packages/${name}.rpm`;
  const incoming = join(temp.path, name);
  await writeFile(incoming, '');
  const step = await packageFilesIn(repository)[how](incoming, location);
  if (step === undefined) throw new Error(`expected no ${location}`);
  return { ...step, location };
}

describe('The names of a repository', () => {
  it('are known after steps of the service, in whatever order they are told', async () => {
    const steps = [await place('a'), await place('first', 'replace'), await place('b')];
    for (const told of [steps, steps.toReversed()]) {
      const directories = await followSteps(repository, known, told);
      expect(packagesOf(directories)).toBe(3);
      expect(directories && (await haveNameCounts(repository, directories))).toBe(true);
    }
  });

  it('are known when a step was made before they were read', async () => {
    const earlier = await place('a');
    const { directories } = await readPackageNames(repository);
    expect(packagesOf(await followSteps(repository, directories, [earlier]))).toBe(2);
  });

  it('are known when the service publishes beside them', async () => {
    await writeFile(join(repository, 'mirrorlist'), '');
    await mkdir(join(repository, 'repodata'));
    expect(await followSteps(repository, known, [])).toBeDefined();
  });

  it('are not known when a step is missing', async () => {
    await place('a');
    expect(await followSteps(repository, known, [await place('b')])).toBeUndefined();
  });

  it.each([
    ['made', () => writeFile(join(repository, 'Packages/by-hand.rpm'), '')],
    ['removed', () => rm(join(repository, 'Packages/first.rpm'))],
    ['made in the directory of the repository', () => writeFile(join(repository, 'by-hand.rpm'), '')],
    ['made as a folder', () => mkdir(join(repository, 'more'))],
    ['removed with all others', () => rm(join(repository, 'Packages'), { recursive: true })],
  ])('are not known when one was %s by hand', async (_, change) => {
    await change();
    expect(await followSteps(repository, known, [])).toBeUndefined();
  });

  it('are not known when one was made by hand between two steps', async () => {
    const before = await place('a');
    await writeFile(join(repository, 'Packages/by-hand.rpm'), '');
    expect(await followSteps(repository, known, [before, await place('b')])).toBeUndefined();
  });

  it('are counted, for what a stamp does not show', async () => {
    await writeFile(join(repository, 'Packages/README'), '');
    expect(await haveNameCounts(repository, known)).toBe(false);
  });
});
