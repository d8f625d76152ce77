import { realpathSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type AdoptionPlan, planAdoption } from '../intake/plan-adoption.ts';
import { readStored, type StoredParts } from '../intake/read-stored.ts';
import type { Survey } from '../intake/survey.ts';
import { surveyTree, type TreeSurveyParts } from '../intake/survey-tree.ts';
import { checkRoom, createLinkCheck, measureTransfer } from '../intake/transfer.ts';
import type { Config } from '../base/config/load.ts';
import { AppError, errnoOf } from '../errors.ts';
import { digestOfFile } from '../base/files/file-digest.ts';
import { isInside } from '../base/files/is-inside.ts';
import { digestContent, inspectPackage } from '../intake/inspect-package.ts';
import { refuseUnfitTexts } from '../intake/find-text-warnings.ts';
import { createInspectionThreads, type InspectionThreads } from '../intake/inspection-threads.ts';
import { nearestExisting } from '../base/files/nearest-existing.ts';
import { createRepositoryLayout, type RepositoryLayout } from '../storage/repository-layout.ts';
import { createStateLayout } from '../storage/state-layout.ts';
import { isLocked } from '../storage/tree-lock.ts';
import { createContentChecks } from '../indexing/content-checks.ts';
import { foreignTypeOf } from '../rpm/foreign-types.ts';
import { type FoundIndex, readFoundIndex, explainLoss } from '../indexing/found-index.ts';
import { isOwnIndex } from '../indexing/own-index.ts';
import { readSoundRepomd } from '../storage/read-repomd.ts';
import { isReleasever, type RepositoryName } from '../rpm/repository-name.ts';
import { checkPackageSignature } from '../trust/check-package-signature.ts';
import { createGpgv } from '../trust/create-gpgv.ts';
import { type FindKeyring, makePackageKeyrings } from '../trust/package-keyrings.ts';
import { digestOfContent } from '../base/unpack/digest-of-content.ts';
import { applyAdoption } from './apply-adoption.ts';
import { becomeOwner, demandOwner } from './become-owner.ts';
import { ADOPT } from './commands.ts';
import { createProgressBar } from './progress-bar.ts';
import { listFolders, readConfig, treeLine } from './read-config.ts';
import { type Adoption, adoptionAsJson, isSettled, renderAdoption } from './render-adoption.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** `rpmyard adopt DIR`: takes over a tree of packages; says what it would do, and does it with --apply. */
export async function adopt(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: ADOPT.options,
    allowPositionals: true,
  });
  const [directory, ...others] = positionals;
  if (directory === undefined || others.length > 0) {
    throw new AppError('PARAMETER_INVALID', 'expected one directory', {
      hint: 'rpmyard adopt /srv/old-repo',
    });
  }
  checkReleasever(values.releasever);
  const given = readConfig(values);
  const path = resolve(directory);
  if (values.apply) demandOwner(listFolders(given), 'adopt');
  else becomeOwner(listFolders(given));
  const config = withRealTopDir(given);
  const root = directoryAt(path);
  checkPlace(root, config);
  // Checked first: the survey reads for minutes.
  if (values.apply) checkNotRunning(config);

  const layout = createRepositoryLayout({ topDir: config.topDir, ...config.layout });
  const { releasever } = values;
  const survey = await withThreads((threads) => lookAround(root, { config, layout, releasever, threads }));
  const { plan } = survey;
  const transfer = measureTransfer(plan, config.stateDir);
  if (values.apply) checkRoom(transfer, config.stateDir);
  const applied = values.apply ? await applyAdoption(config, root, plan) : undefined;
  const adoption: Adoption = { ...survey, topDir: config.topDir, transfer, applied };
  process.stdout.write(
    values.json
      ? `${adoptionAsJson(adoption)}\n`
      : `${treeLine({ ...given, topDir: config.topDir })}${renderAdoption(adoption)}`,
  );
  return isSettled(adoption) ? 0 : 1;
}

/**
 * Checked once, and not for each package that it is for.
 * @throws AppError PARAMETER_INVALID.
 */
function checkReleasever(releasever: string | undefined): void {
  if (releasever === undefined || isReleasever(releasever)) return;
  throw new AppError('PARAMETER_INVALID', `"${releasever}" is no releasever`, {
    hint: 'Use letters, digits, dot, plus, dash and underscore, for example --releasever 9.',
  });
}

/**
 * The configuration with the real path of the top directory, as the service uses it; the directory need not exist yet.
 */
function withRealTopDir(config: Config): Config {
  return { ...config, topDir: resolveRealPath(config.topDir) };
}

/**
 * The real path; of a directory that is not there, the path as it is.
 * @throws AppError TREE_UNUSABLE.
 */
function resolveRealPath(path: string): string {
  return nearestExisting(path) === path ? realpathSync(path) : path;
}

function directoryAt(path: string): string {
  try {
    const real = realpathSync(path);
    if (statSync(real).isDirectory()) return real;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
  throw new AppError('NOT_FOUND', `there is no directory ${path}`, {
    hint: 'Name the directory that holds the packages, and let the user of the service read it.',
  });
}

/**
 * Refuses a directory that lies in a folder of the service, or holds one: those have no packages to take over.
 * @throws AppError PARAMETER_INVALID, TREE_UNUSABLE.
 */
function checkPlace(root: string, { server, stateDir }: Config): void {
  for (const folder of [server.spoolDir, stateDir]) {
    const real = resolveRealPath(folder);
    if (!isInside(root, real) && !isInside(real, root)) continue;
    throw new AppError(
      'PARAMETER_INVALID',
      `${root} and ${folder}, a folder of the service, lie in each other`,
      {
        hint: 'Name the directory of the packages themselves; a tree that is served already is taken over in place by its own path.',
      },
    );
  }
}

/** @throws AppError TREE_LOCKED. */
function checkNotRunning({ topDir, stateDir }: Config): void {
  if (!isLocked(createStateLayout(stateDir))) return;
  throw new AppError('TREE_LOCKED', `a service is running on ${topDir}`, {
    hint: 'Stop it for the time of the adoption (systemctl stop rpmyard.socket rpmyard; the socket would start it again): behind nginx hosts go on reading, and "curl --retry" carries uploads over. Without --apply the command works beside it.',
  });
}

async function withThreads<T>(work: (threads: InspectionThreads) => Promise<T>): Promise<T> {
  const threads = createInspectionThreads();
  try {
    return await work(threads);
  } finally {
    await threads.close();
  }
}

/** What a look at a tree needs. */
interface LookParts {
  readonly config: Config;
  readonly layout: RepositoryLayout;
  readonly releasever: string | undefined;
  readonly threads: InspectionThreads;
}

/** Survey and plan: changes nothing, needs no lock, and works beside a running service. */
async function lookAround(
  root: string,
  parts: LookParts,
): Promise<{ readonly survey: Survey; readonly plan: AdoptionPlan }> {
  await using keyrings = await temporaryFolder('rpmyard-keyrings-');
  const findKeyring = await makePackageKeyrings(parts.config.keyrings, keyrings.path, createGpgv());
  const contentChecks = createContentChecks();
  const bar = createProgressBar('looking at packages');
  const survey = await surveyTree(root, {
    packages: { ...packageSurveyParts(parts, findKeyring), onProgress: bar.show },
    indexes: { readIndex: readIndexOfOthers, explainLoss },
    metadata: {
      foreignTypeOf,
      checkContent: async (type, path) =>
        (await contentChecks.check({ type, path }, { owner: 'adopt' })).openSha256,
    },
  });
  bar.clear();
  return { survey, plan: planAdoption(survey, await readStored(survey, storedParts(parts))) };
}

/** As the service inspects and routes an upload. */
function packageSurveyParts(
  { config, layout, releasever, threads }: LookParts,
  findKeyring: FindKeyring,
): Omit<TreeSurveyParts['packages'], 'onProgress'> {
  return {
    inspect: async (path, sizeBytes) => {
      const whole = { path, sizeBytes, sha256: undefined, expectedDigests: [] };
      const inspected = await inspectPackage(whole, threads);
      refuseUnfitTexts(config.reindex.engine, inspected.rpm);
      return inspected;
    },
    names: { topDir: config.topDir, releaseverPatterns: config.layout.releaseverPatterns },
    routing: { targetsOf: (...asked) => layout.targetsOf(...asked), releasever },
    checkSignature: async (path, inspected, repositories) => {
      await checkPackageSignature({ path, ...inspected }, repositories, findKeyring);
    },
    pathOf: (target) => layout.pathOf(target),
    isLinkable: createLinkCheck(config.stateDir),
  };
}

function storedParts({ config, layout, threads }: LookParts): StoredParts {
  return {
    pathOf: (repository, location) => layout.pathOf({ repository, location }),
    sha256Of: (path) => digestOfFile(path),
    isSamePackage: config.signing.isSigningPackages
      ? async (path, storedPath) =>
          (await digestContent(path, threads)) === (await digestContent(storedPath, threads))
      : undefined,
    publishedContentOf: (repository, type) => findPublishedContent(layout, repository, type),
  };
}

/** Nothing of an index that this service published: a person removed the packages that left it. */
async function readIndexOfOthers(directory: string): Promise<FoundIndex> {
  return (await isOwnIndex(directory)) ? new Map() : readFoundIndex(directory);
}

/** Undefined also for metadata that is damaged: the next index run replaces it. */
async function findPublishedContent(
  layout: RepositoryLayout,
  repository: RepositoryName,
  type: string,
): Promise<string | undefined> {
  const directory = layout.directoryOf(repository);
  const data = (await readSoundRepomd(directory))?.data.find((one) => one.type === type);
  if (data === undefined) return undefined;
  return digestOfContent(join(directory, data.href)).catch(() => undefined);
}
