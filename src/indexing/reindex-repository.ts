import { join } from 'node:path';
import { identityAt } from '../base/files/file-identity.ts';
import { AppError } from '../errors.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';
import { mergeTags, NO_TAGS, type RepomdTags } from '../rpm/repodata/repomd-tags.ts';
import type { FormerPublications } from '../storage/former-publications.ts';
import type { Publication, RepomdSigner } from '../storage/publications.ts';
import type { PackageFaultCode } from '../api/package-fault-code.ts';
import type { PackageFault, SetAside } from '../storage/records.ts';
import type { Storage } from '../storage/storage.ts';
import type { IndexFormatName } from './engines/incremental/index-format.ts';
import { writeIndex } from './engines/incremental/write-index.ts';
import type { ForeignMetadata } from './foreign-metadata.ts';
import type { BuiltIndex, IndexEngine, IndexJob, IndexRun } from './index-engine.ts';
import { isOwnIndex } from './own-index.ts';
import { PACKAGE_FAULT_HINTS } from './package-faults.ts';
import { pickLeastTrust, type PendingChanges, type RepositoryChanges } from './pending-changes.ts';
import { toPublishedIndex } from './read-metadata.ts';
import type { PublishedIndex } from './repository-schedule.ts';

// Of an error's 1024 bytes.
const MAX_NAMED = 5;

const LINES: Readonly<Record<PackageFaultCode, string>> = {
  PACKAGE_DAMAGED:
    'package is damaged on disk: what was published of it stays, and nothing of the file as it is now',
  PACKAGE_UNDESCRIBABLE: 'package cannot be described anew: what was published of it stays',
  PACKAGE_HELD_BACK: 'package is held back: the index that was found did not name it',
};

export interface ReindexParts {
  readonly storage: Pick<Storage, 'records' | 'repositories' | 'publications' | 'placeDecided'>;
  readonly changes: PendingChanges;
  readonly engine: IndexEngine;
  readonly foreignMetadata: ForeignMetadata;
  readonly rules: PublishingRules;
  readonly log: ReindexLog;
}

/** How an index is written and published. */
export interface PublishingRules {
  readonly formatOf: (repository: RepositoryName) => IndexFormatName;
  /** Undefined when nothing is signed. */
  readonly signer: RepomdSigner | undefined;
  /** The tags that the configuration gives the repository in repomd.xml; undefined when it gives none. */
  readonly tagsOf?: (repository: RepositoryName) => RepomdTags | undefined;
  /** Without a slash at its end. */
  readonly publicUrl: string;
  /** The ages in the index whose packages the repository adopts; its hosts change over to this one. */
  readonly adoptedAgeOf?: (repository: RepositoryName) => FormerPublications | undefined;
  readonly now: () => number;
}

/** The part of pino that this stage uses. */
export interface ReindexLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/**
 * Rebuilds and publishes the index of one repository. The engine makes sure that the metadata describes exactly the
 * packages that belong into it. Packages that it cannot describe are set aside with a record; the rest is published.
 * @throws AppError INDEX_FAILED, INDEX_ENGINE_MISSING, SIGNING_FAILED, STORAGE_FAILED; the former index then stays.
 */
export async function reindexRepository(
  repository: RepositoryName,
  parts: ReindexParts,
  run: IndexRun,
): Promise<PublishedIndex> {
  const { storage, changes: pending, foreignMetadata, engine, rules, log } = parts;
  const { publications } = storage;
  await storage.repositories.check(repository);
  await storage.placeDecided(repository);
  const changes = pending.take(repository);
  try {
    return await publications.inScratch(async (scratchDir) => {
      const startedAtMs = rules.now();
      const isPublicationWanted =
        (await foreignMetadata.isWaiting(repository)) || !(await isWhole(repository, parts));
      const repositoryDir = await publications.workspace(repository);
      const isForeign = !(await isOwnIndex(repositoryDir));
      const job = {
        ...(await toJob(repository, isForeign ? distrusting(changes) : changes, parts)),
        repositoryDir,
        scratchDir,
        isPublicationWanted,
        isFoundIndexKept: isForeign && !changes.isTakeOver,
      };
      const built = await engine.build(job, run);
      for (const warning of built.warnings) log.warn({ repository, warning }, 'index run');
      demandNoLoss(repository, built);
      await keepRecords(job, built, startedAtMs, parts);
      return built.isNew ? publish(job, built, { parts, signal: run.signal }) : keep(job, built, parts);
    });
  } catch (error) {
    pending.giveBack(repository, changes);
    throw error;
  }
}

type PublicationParts = Pick<ReindexParts, 'storage' | 'rules'>;

/** See Publications.isWhole(). */
export function isWhole(repository: RepositoryName, { storage, rules }: PublicationParts): Promise<boolean> {
  return storage.publications.isWhole(repository, toPublication(repository, rules));
}

function toPublication(
  repository: RepositoryName,
  { signer, tagsOf, publicUrl, now, adoptedAgeOf }: PublishingRules,
): Publication {
  const url = `${publicUrl}/repo/${repository}/`;
  return { url, signer, tags: tagsOf?.(repository), now, adoptedAge: adoptedAgeOf?.(repository) };
}

/** Publishes an index without packages, for a repository that has none yet. @throws AppError SIGNING_FAILED. */
export async function publishEmptyIndex(
  repository: RepositoryName,
  { storage: { publications }, rules }: PublicationParts,
): Promise<PublishedIndex> {
  return publications.inScratch(async (scratchDir) => {
    await writeIndex([], {
      outputDir: scratchDir,
      format: rules.formatOf(repository),
      nowMs: rules.now(),
    });
    const publication = { ...toPublication(repository, rules), packages: new Map<string, string>() };
    return toPublishedIndex(0, await publications.publish(repository, scratchDir, publication));
  });
}

/** Of another program's index the names in it tell nothing. */
function distrusting(changes: RepositoryChanges): RepositoryChanges {
  return { ...changes, trust: pickLeastTrust(changes.trust, 'files') };
}

async function toJob(
  repository: RepositoryName,
  { trust: asked, placed, steps, isTakeOver }: RepositoryChanges,
  { storage: { records }, engine, rules }: ReindexParts,
): Promise<Omit<IndexJob, 'repositoryDir' | 'scratchDir' | 'isPublicationWanted' | 'isFoundIndexKept'>> {
  // An engine that examines every file anyway can compare it with what was acknowledged.
  const trust = asked === 'names' && !engine.isCheapWhenUnchanged ? 'files' : asked;
  const faults = await records.listPackageFaults(repository);
  const setAside = await records.listSetAside(repository);
  const heldBack = new Set<string>();
  for (const { code, location } of faults) {
    if (code !== 'PACKAGE_HELD_BACK' || isTakeOver) continue;
    // An upload of it asks for it.
    if ((await records.receiptAt(repository, location)) === undefined) heldBack.add(location);
  }
  return {
    repository,
    trust,
    heldBack,
    kept: new Map(
      faults
        .filter(({ code }) => code !== 'PACKAGE_HELD_BACK')
        .map(({ location, identity }) => [location, identity]),
    ),
    acknowledged: trust === 'names' ? placed : await records.acknowledgedDigests(repository),
    steps,
    setAside: new Map(setAside.map(({ location, identity }) => [location, identity])),
    format: rules.formatOf(repository),
  };
}

/** @throws AppError TAKEOVER_UNDECIDED. */
function demandNoLoss(repository: RepositoryName, { lost }: BuiltIndex): void {
  if (lost.length === 0) return;
  const named = lost.slice(0, MAX_NAMED).map(({ location, reason }) => `${location} (${reason})`);
  const more = lost.length > MAX_NAMED ? [`and ${lost.length - MAX_NAMED} more`] : [];
  const count = lost.length === 1 ? '1 package' : `${lost.length} packages`;
  throw new AppError(
    'TAKEOVER_UNDECIDED',
    `the index of ${repository} that another program made names ${count} that would leave it: ${[...named, ...more].join(', ')}`,
    {
      hint: `Nothing is published, hosts go on reading the index that was found, and uploads wait. "rpmyard verify ${repository}" names all of them. Put the files themselves where the index names them, or take them in from where they lie with "rpmyard adopt DIR"; or say with "rpmyard reindex --take-over ${repository}" that they may leave.`,
    },
  );
}

/** The disk is the truth: the records follow what the engine found there. */
async function keepRecords(
  job: IndexJob,
  built: BuiltIndex,
  startedAtMs: number,
  parts: ReindexParts,
): Promise<void> {
  const { repository } = job;
  const { leftOut, readmitted, gone } = built;
  const {
    storage: { records },
    rules: { now },
    log,
  } = parts;
  for (const location of readmitted) await records.takeBack(repository, location);
  // A package that was placed since may have the name of one that was gone.
  await records.forget(repository, gone, startedAtMs);
  const aside = leftOut.map((left): SetAside => ({ repository, ...left, sinceMs: now() }));
  for (const { location, reason } of aside) {
    log.warn({ repository, location, reason }, 'package set aside: it is not in the index');
  }
  await records.setAside(aside);
  await keepFaults(job, built, parts);
}

/** A fault lasts until a run describes the package, leaves it out, or finds it gone. */
async function keepFaults(
  { repository, repositoryDir, heldBack }: IndexJob,
  { described, leftOut, faulty }: BuiltIndex,
  { storage: { records }, rules, log }: ReindexParts,
): Promise<void> {
  const known = await records.listPackageFaults(repository);
  const former = new Map(known.map((fault) => [fault.location, fault]));
  const begun = faulty.filter(({ location, code, identity }) => {
    const before = former.get(location);
    return before?.code !== code || before.identity !== identity;
  });
  for (const { location, code, reason } of begun) {
    log.error({ repository, location, code, reason, hint: PACKAGE_FAULT_HINTS[code] }, LINES[code]);
  }
  const isLeftOut = new Set(leftOut.map(({ location }) => location));
  const isOver = ({ location, code }: PackageFault): boolean =>
    described.has(location) ||
    isLeftOut.has(location) ||
    (code === 'PACKAGE_HELD_BACK' && !heldBack.has(location)) ||
    identityAt(join(repositoryDir, location)) === undefined;
  await records.endPackageFaults(
    repository,
    known.filter(isOver).map(({ location }) => location),
  );
  await records.savePackageFaults(begun.map((one) => ({ repository, ...one, sinceMs: rules.now() })));
}

async function publish(
  job: IndexJob,
  built: BuiltIndex,
  { parts, signal }: { readonly parts: ReindexParts; readonly signal: AbortSignal },
): Promise<PublishedIndex> {
  const { repository, scratchDir } = job;
  const { storage, foreignMetadata, rules, log } = parts;
  const { publications } = storage;
  using added = await foreignMetadata.addTo(scratchDir, repository, (path, error) =>
    log.warn({ repository, path, err: error }, 'metadata that was put is damaged and not published'),
  );
  const common = toPublication(repository, rules);
  const own = async (): Promise<RepomdTags> => (await publications.current(repository))?.tags ?? NO_TAGS;
  const repomd = await publications.publish(repository, scratchDir, {
    ...common,
    tags: common.tags ?? (added.tags && mergeTags([await own(), added.tags])),
    endedTypes: added.endedTypes,
    packages: publishedPackages(job, built),
    signal,
  });
  await added.published();
  return toPublishedIndex(built.packageCount, repomd);
}

/** The published index is right as it is. */
async function keep(
  job: IndexJob,
  built: BuiltIndex,
  { storage: { publications, records }, rules }: ReindexParts,
): Promise<PublishedIndex> {
  const { repository } = job;
  await records.markPublished(repository, publishedPackages(job, built), rules.now());
  return toPublishedIndex(built.packageCount, await publications.current(repository));
}

/** Location -> sha256 of every package that was acknowledged before this run and that hosts can install now. */
function publishedPackages(
  { acknowledged, setAside }: IndexJob,
  { described, leftOut, faulty, readmitted, gone }: BuiltIndex,
): ReadonlyMap<string, string> {
  const isOut = new Set(setAside.keys());
  for (const location of readmitted) isOut.delete(location);
  // A damaged package that is in the index was published before.
  for (const { location } of [...leftOut, ...faulty]) isOut.add(location);
  for (const location of gone) isOut.add(location);
  const published = new Map([...acknowledged].filter(([location]) => !isOut.has(location)));
  for (const [location, sha256] of described) published.set(location, sha256);
  return published;
}
