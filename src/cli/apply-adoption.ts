import type { RepositoryName } from '../rpm/repository-name.ts';
import { createRequester, nameOwner } from '../trust/requester.ts';
import { ALL_RIGHTS, createRights } from '../trust/rights.ts';
import { type Applied, applyStaged, type Staged, stagePlan } from '../intake/apply-plan.ts';
import type { AdoptionPlan, PlannedPackage } from '../intake/plan-adoption.ts';
import type { Config } from '../base/config/load.ts';
import { AppError } from '../errors.ts';
import { createLog } from '../base/log.ts';
import { openPipeline, type Pipeline } from '../boot/open-pipeline.ts';
import { openTree, type Tree } from '../boot/open-tree.ts';
import { findAdoptedAges } from './find-adopted-ages.ts';
import { createProgressBar } from './progress-bar.ts';

// The longest time that a timer takes: the index runs once at the end, even if the packages take very long.
const NEVER_MS = 2 ** 31 - 1;

const PROGRESS_EVERY_MS = 250;

const ADOPTER = createRequester({
  kind: 'local',
  name: 'rpmyard adopt',
  rights: createRights(ALL_RIGHTS),
  isProven: true,
});

/** Takes the tree, and sends the packages the way of an upload. The next start removes what a kill leaves in incoming. */
export async function applyAdoption(config: Config, root: string, plan: AdoptionPlan): Promise<Applied> {
  // Failures are in the report.
  const log = createLog({ name: 'stderr', level: 'silent' });
  const tree = await openTree(config, log);
  try {
    const staged = await stagePlan(plan, {
      root,
      incomingDir: tree.folders.incomingDir,
      unacknowledgedPathOf: (planned) => findUnacknowledgedPath(planned, tree, config),
    });
    const patient = { ...config, reindex: { ...config.reindex, quietMs: NEVER_MS, maxWaitMs: NEVER_MS } };
    const ages = await findAdoptedAges(root, plan.packages);
    const rules = { ...tree.reindexParts.rules, adoptedAgeOf: (name: RepositoryName) => ages.get(name) };
    const reindexParts = { ...tree.reindexParts, rules };
    const pipeline = await openPipeline(patient, { ...tree, reindexParts }, log);
    try {
      return await throughPipeline(pipeline, staged);
    } finally {
      await pipeline.endRuns();
      await pipeline.close();
    }
  } finally {
    await tree.close();
  }
}

/**
 * Packages that lay in the tree before are no uploads, and where the service signs packages the stored file is another
 * one.
 */
async function findUnacknowledgedPath(
  { repositories, location, sources }: PlannedPackage,
  { storage: { records }, layout }: Tree,
  { signing }: Config,
): Promise<string | undefined> {
  if (signing.isSigningPackages || sources.some(({ isInTree }) => isInTree)) return undefined;
  for (const repository of repositories) {
    if ((await records.receiptAt(repository, location)) !== undefined) continue;
    return layout.pathOf({ repository, location });
  }
  return undefined;
}

async function throughPipeline(
  { ingest, requests, queue, listMarked }: Pipeline,
  staged: Staged,
): Promise<Applied> {
  const bar = createProgressBar('taking packages in');
  try {
    return await applyStaged(staged, {
      ingest: async (path, { sizeBytes, sha256, releasever, basearches }) => {
        const expectedDigests = [{ algorithm: 'sha256', hex: sha256, header: 'the survey' }] as const;
        const said = { releasever, basearches, requester: ADOPTER };
        await ingest({ path, sizeBytes, sha256: undefined, expectedDigests, ...said });
      },
      putMetadata: async (repository, type, path) => {
        using _ = await requests.putMetadata(repository, type, {
          path,
          sender: { owner: nameOwner(ADOPTER) },
        });
      },
      addTags: requests.addTags,
      listMarked,
      publish: async (repository) => {
        bar.clear();
        const indexBar = createProgressBar(repository);
        await requests.reindexNow(repository, { trust: 'files', isTakeOver: false });
        const timer = setInterval(() => {
          const progress = queue.statusOf(repository)?.progress;
          if (progress !== undefined) indexBar.show(progress);
        }, PROGRESS_EVERY_MS);
        try {
          const result = await queue.of(repository).whenPublished(NEVER_MS);
          const published = queue.statusOf(repository)?.published;
          if (result === 'pending' || published === undefined) throw unpublished(repository);
          const { packageCount, revision } = published;
          return { repository, packageCount, revision };
        } finally {
          clearInterval(timer);
          indexBar.clear();
        }
      },
      onProgress: bar.show,
    });
  } finally {
    bar.clear();
  }
}

function unpublished(repository: RepositoryName): AppError {
  return new AppError('INDEX_FAILED', `the index of ${repository} was not published in time`, {
    hint: 'Run the command again: it takes what is left.',
  });
}
