import { lstatSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type AppError, toAppError } from '../errors.ts';
import { locateSource } from './adopt/file-of.ts';
import type { AdoptionPlan, PlannedPackage } from './plan-adoption.ts';
import type { RepomdTags } from '../rpm/repodata/repomd-tags.ts';
import type { PlannedMetadata, PlannedTags } from './plan-metadata.ts';
import { stageFile } from './adopt/stage-file.ts';
import type { RefusedFile } from './survey.ts';
import { identifySource } from './adopt/survey-packages.ts';
import { workThrough } from './adopt/work-through.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** A planned package or metadata file that has a name in `incoming`. */
export interface Staged {
  readonly packages: readonly { readonly planned: PlannedPackage; readonly path: string }[];
  readonly metadata: readonly { readonly planned: PlannedMetadata; readonly path: string }[];
  readonly tags: readonly PlannedTags[];
  readonly linkCount: number;
  readonly copyCount: number;
  readonly failures: readonly RefusedFile[];
}

/** The result for one repository. */
export interface PublishedRepository {
  readonly repository: RepositoryName;
  readonly packageCount: number;
  readonly revision: string;
}

export interface Applied {
  readonly takenCount: number;
  readonly linkCount: number;
  readonly copyCount: number;
  readonly metadataCount: number;
  readonly published: readonly PublishedRepository[];
  /** Of packages and metadata by their path, of repositories by their name. */
  readonly failures: readonly RefusedFile[];
}

/** The steps of an upload, as far as an adoption takes them. */
export interface ApplyParts {
  /**
   * Takes a file in incoming in; the caller removes its name.
   * @throws AppError.
   */
  readonly ingest: (path: string, planned: PlannedPackage) => Promise<void>;
  /** Keeps metadata for the next index of a repository. @throws AppError. */
  readonly putMetadata: (repository: RepositoryName, type: string, path: string) => Promise<void>;
  /**
   * Makes the next index of a repository have these tags beside its own.
   * @throws AppError.
   */
  readonly addTags: (repository: RepositoryName, tags: RepomdTags) => Promise<void>;
  /** Repositories to which an earlier process left an index run. */
  readonly listMarked: () => Promise<readonly RepositoryName[]>;
  /** @throws AppError of the index run. */
  readonly publish: (repository: RepositoryName) => Promise<PublishedRepository>;
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
}

export interface StageParts {
  readonly root: string;
  readonly incomingDir: string;
  /**
   * The tree's own file of a package that it has in every place without a record: an earlier process was killed between
   * the two. Undefined when nothing has to be done.
   */
  readonly unacknowledgedPathOf: (planned: PlannedPackage) => Promise<string | undefined>;
}

// Most of the time each waits for the disk.
const CONCURRENCY = 8;

/** Gives everything that the tree lacks a name in `incoming`. */
export async function stagePlan(plan: AdoptionPlan, parts: StageParts): Promise<Staged> {
  const { root, incomingDir } = parts;
  const packages: { planned: PlannedPackage; path: string }[] = [];
  const metadata: { planned: PlannedMetadata; path: string }[] = [];
  const failures: RefusedFile[] = [];
  let linkCount = 0;
  let copyCount = 0;
  for (const planned of plan.packages) {
    const [source] = planned.sources;
    await attempt(source.path, failures, async () => {
      if (planned.missingIn.length === 0) {
        const stored = await parts.unacknowledgedPathOf(planned);
        if (stored === undefined) return;
        const identity = identifySource(lstatSync(stored, { bigint: true }));
        const to = { incomingDir, isLinkWanted: true };
        packages.push({ planned, path: (await stageFile({ path: stored, identity }, to)).path });
        return;
      }
      const file = { path: locateSource(root, source), identity: source.identity };
      const { path, isLinked } = await stageFile(file, { incomingDir, isLinkWanted: source.isLinkable });
      packages.push({ planned, path });
      if (isLinked) linkCount += 1;
      else copyCount += 1;
    });
  }
  for (const planned of plan.metadata.planned.filter(({ isMissing }) => isMissing)) {
    const { path, identity } = planned.source;
    await attempt(path, failures, async () => {
      const file = { path: join(root, path), identity };
      const staged = await stageFile(file, { incomingDir, isLinkWanted: false });
      metadata.push({ planned, path: staged.path });
    });
  }
  return { packages, metadata, tags: plan.metadata.tags, linkCount, copyCount, failures };
}

/** Takes in what was staged, then has every repository that got something, or is owed an index, published. */
export async function applyStaged(staged: Staged, parts: ApplyParts): Promise<Applied> {
  const failures = [...staged.failures];
  const touched = new Set<RepositoryName>();
  let takenCount = 0;
  const { onProgress } = parts;
  const options = { concurrency: CONCURRENCY, onProgress };
  await workThrough(staged.packages, options, async ({ planned, path }) => {
    const source = planned.sources[0].path;
    await attempt(source, failures, async () => {
      await parts.ingest(path, planned);
      if (planned.missingIn.length > 0) takenCount += 1;
      for (const repository of planned.repositories) touched.add(repository);
    });
    await attempt(source, failures, () => unlink(path));
  });

  let metadataCount = 0;
  for (const { planned, path } of staged.metadata) {
    const { repository, type, source } = planned;
    await attempt(source.path, failures, async () => {
      await parts.putMetadata(repository, type, path);
      metadataCount += 1;
      touched.add(repository);
    });
    await attempt(source.path, failures, () => unlink(path));
  }

  for (const { repository, tags } of staged.tags) {
    await attempt(repository, failures, () => parts.addTags(repository, tags));
    touched.add(repository);
  }

  const published: PublishedRepository[] = [];
  for (const repository of [...new Set([...touched, ...(await parts.listMarked())])].toSorted()) {
    await attempt(repository, failures, async () => {
      published.push(await parts.publish(repository));
    });
  }
  const { linkCount, copyCount } = staged;
  return { takenCount, linkCount, copyCount, metadataCount, published, failures };
}

/** One that fails must not keep the others from their turn. */
async function attempt(path: string, failures: RefusedFile[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    failures.push(toFailure(path, toAppError(error)));
  }
}

/** There is no log beside this command's report, and nothing to be sent again. */
function toFailure(path: string, { code, message, hint, cause }: AppError): RefusedFile {
  const reason = cause instanceof Error && OURS.has(code) ? `${message} (${cause.message})` : message;
  return { path, code, message: reason, hint: OURS.get(code) ?? hint };
}

const OURS: ReadonlyMap<string, string> = new Map([
  ['STORAGE_FULL', 'Free disk space, then run the command again: it takes what is left.'],
  [
    'STORAGE_FAILED',
    'Look at the disk, and at owner and rights of what is named: all in the tree belongs to the user of the service. Then run the command again: it takes what is left.',
  ],
  ['INTERNAL', 'Run the command again, and report it when that does not help.'],
]);
