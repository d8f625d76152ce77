import { lstatSync } from 'node:fs';
import { mkdir, readdir, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApplyParts, applyStaged, stagePlan } from '../../src/intake/apply-plan.ts';
import type { AdoptionPlan, PlannedPackage } from '../../src/intake/plan-adoption.ts';
import { identifySource } from '../../src/intake/adopt/survey-packages.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';
import { repo } from '../support/repo.ts';

const COUNT = 20;

let dir: TempDir;
let incomingDir: string;
let plan: AdoptionPlan;

beforeEach(async () => {
  dir = await createTempDir();
  incomingDir = join(dir.path, 'incoming');
  await mkdir(incomingDir);
  const packages = Array.from({ length: COUNT }, (_, index) => planned(`p${index}.rpm`));
  plan = {
    packages: await Promise.all(packages),
    conflicts: [],
    metadata: { planned: [], conflicts: [], withoutRepository: [], tags: [] },
    notes: [],
  };
});

afterEach(() => dir.remove());

async function planned(path: string): Promise<PlannedPackage> {
  await writeFile(join(dir.path, path), path);
  const source = {
    path,
    identity: identifySource(lstatSync(join(dir.path, path), { bigint: true })),
    sizeBytes: path.length,
    sha256: path,
    nevra: path,
    isNoarch: false,
    releasever: undefined,
    keptIn: undefined,
    taggedReleasever: undefined,
    repositories: [repo('9/x86_64')],
    location: `Packages/${path}`,
    laidIn: undefined,
    isInTree: false,
    isInPlace: false,
    isLinkable: true,
    warnings: [],
  };
  return { ...source, basearches: undefined, missingIn: source.repositories, sources: [source] };
}

const stage = () =>
  stagePlan(plan, { root: dir.path, incomingDir, unacknowledgedPathOf: async () => undefined });

function partsWith(parts: Partial<ApplyParts>): ApplyParts {
  return {
    ingest: async () => undefined,
    addTags: async () => undefined,
    putMetadata: async () => undefined,
    listMarked: async () => [],
    publish: async (repository) => ({ repository, packageCount: COUNT, revision: '1' }),
    onProgress: () => undefined,
    ...parts,
  };
}

describe('applying a plan', () => {
  it('says of a file that was changed meanwhile what to do about it, and takes the others', async () => {
    await utimes(join(dir.path, 'p3.rpm'), 1, 1);
    const { packages, failures } = await stage();
    expect(packages).toHaveLength(COUNT - 1);
    expect(failures).toMatchObject([
      { path: 'p3.rpm', code: 'SOURCE_CHANGED', hint: expect.stringMatching(/^Let nothing write to/) },
    ]);
    const applied = await applyStaged({ ...(await stage()), failures }, partsWith({}));
    expect(applied).toMatchObject({ takenCount: COUNT - 1, failures });
  });

  it('goes on to the last package and publishes when a name of ours cannot be removed', async () => {
    const staged = await stage();
    const applied = await applyStaged(
      staged,
      partsWith({
        ingest: async (path, { nevra }) => {
          if (nevra === 'p0.rpm') await unlink(path);
        },
      }),
    );
    expect(applied).toMatchObject({
      takenCount: COUNT,
      published: [{ repository: '9/x86_64' }],
      failures: [{ path: 'p0.rpm', code: 'STORAGE_FAILED' }],
    });
    expect(await readdir(incomingDir)).toEqual([]);
  });
});
