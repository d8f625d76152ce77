import type { RepositoryName } from '../rpm/repository-name.ts';
import { randomUUID } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { RepositoryLayout } from '../storage/repository-layout.ts';
import { isChecksumNamed } from '../rpm/repodata-names.ts';
import type { PackageFault, PackageFaultCode, Records, SetAside } from '../storage/records.ts';
import { AppError } from '../errors.ts';
import { identityAt } from '../base/files/file-identity.ts';
import { isPublicationWhole } from './publish/check-publication.ts';
import type { ForeignMetadata } from './foreign-metadata.ts';
import type { FormerPublications } from './former-publications.ts';
import type { BuiltIndex, IndexEngine, IndexJob, IndexRun } from './index-engine.ts';
import type { IndexFormatName } from './engines/incremental/index-format.ts';
import { isOwnIndex } from './own-index.ts';
import { PACKAGE_FAULT_HINTS } from './package-faults.ts';
import { leastOf, type PendingChanges, type RepositoryChanges } from './pending-changes.ts';
import { type Publication, publishRepodata, type RepomdSigner } from './publish/publish-repodata.ts';
import { publishedOf, readSoundRepomd } from './read-metadata.ts';
import type { Repomd } from '../rpm/repodata/repomd.ts';
import { mergeTags, NO_TAGS, type RepomdTags } from '../rpm/repodata/repomd-tags.ts';
import type { PublishedIndex } from './repository-queue.ts';
import { writeIndex } from './engines/incremental/write-index.ts';

// Of an error's 1024 bytes.
const MAX_NAMED = 5;

const LINES: Readonly<Record<PackageFaultCode, string>> = {
  PACKAGE_DAMAGED:
    'package is damaged on disk: what was published of it stays, and nothing of the file as it is now',
  PACKAGE_UNDESCRIBABLE: 'package cannot be described anew: what was published of it stays',
  PACKAGE_HELD_BACK: 'package is held back: the index that was found did not name it',
};

export interface ReindexParts {
  readonly layout: RepositoryLayout;
  readonly records: Records;
  readonly changes: PendingChanges;
  readonly engine: IndexEngine;
  readonly foreignMetadata: ForeignMetadata;
  /**
   * Brings the committed batches of a repository into it: a run that saw half of one would publish it.
   * @throws AppError BATCH_UNPLACED.
   */
  readonly placeDecided: (repository: RepositoryName) => Promise<void>;
  /** @throws AppError STORAGE_FAILED when a directory of the repository is a link, behind which no host sees anything. */
  readonly checkDirectories: (repository: RepositoryName) => void;
  readonly formatOf: (repository: RepositoryName) => IndexFormatName;
  /** Undefined when nothing is signed. */
  readonly signer: RepomdSigner | undefined;
  /** What the configuration says that repomd.xml is to say of the repository; undefined when it says nothing of it. */
  readonly tagsOf?: (repository: RepositoryName) => RepomdTags | undefined;
  /** Without a slash at its end. */
  readonly publicUrl: string;
  /** On the tree's mount, outside of what is served. */
  readonly scratchRoot: string;
  readonly now: () => number;
  /** How old the index says it is whose packages the repository adopts; hosts of it come here. */
  readonly adoptedAgeOf?: (repository: RepositoryName) => FormerPublications | undefined;
  readonly log: ReindexLog;
}

/** The part of pino that this stage uses. */
export interface ReindexLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/**
 * Rebuilds and publishes the index of one repository. The engine answers for it that the metadata describes exactly the
 * packages that belong into it; those that cannot be described are set aside with a record, the rest is published.
 * @throws AppError INDEX_FAILED, INDEX_ENGINE_MISSING, SIGNING_FAILED, STORAGE_FAILED; the former index then stays.
 */
export async function reindexRepository(
  repository: RepositoryName,
  parts: ReindexParts,
  run: IndexRun,
): Promise<PublishedIndex> {
  parts.checkDirectories(repository);
  await parts.placeDecided(repository);
  const changes = parts.changes.take(repository);
  try {
    return await inScratch(parts, async (scratchDir) => {
      const startedAtMs = parts.now();
      const isPublicationWanted =
        (await parts.foreignMetadata.isWaiting(repository)) || !(await isWhole(repository, parts));
      const isForeign = !(await isOwnIndex(parts.layout.directoryOf(repository)));
      const job = {
        ...jobOf(repository, isForeign ? distrusting(changes) : changes, scratchDir, parts),
        isPublicationWanted,
        isFoundIndexKept: isForeign && !changes.isTakeOver,
      };
      const built = await parts.engine.build(job, run);
      for (const warning of built.warnings) parts.log.warn({ repository, warning }, 'index run');
      demandNoLoss(repository, built);
      keepRecords(job, built, startedAtMs, parts);
      return built.isNew ? publish(job, built, { parts, signal: run.signal }) : keep(job, built, parts);
    });
  } catch (error) {
    parts.changes.giveBack(repository, changes);
    throw error;
  }
}

/** See isPublicationWhole(). */
export function isWhole(repository: RepositoryName, parts: PublicationParts): Promise<boolean> {
  return isPublicationWhole(parts.layout.directoryOf(repository), publicationOf(repository, parts));
}

type PublicationParts = Pick<
  ReindexParts,
  'layout' | 'signer' | 'tagsOf' | 'publicUrl' | 'now' | 'adoptedAgeOf'
>;

function publicationOf(
  repository: RepositoryName,
  { signer, tagsOf, publicUrl, now, adoptedAgeOf }: PublicationParts,
): Publication {
  const url = `${publicUrl}/repo/${repository}/`;
  return { url, signer, tags: tagsOf?.(repository), now, adoptedAge: adoptedAgeOf?.(repository) };
}

/** Publishes an index without packages, for a repository that has none yet. @throws AppError SIGNING_FAILED. */
export async function publishEmptyIndex(
  repository: RepositoryName,
  parts: PublicationParts & Pick<ReindexParts, 'formatOf' | 'scratchRoot' | 'log'>,
): Promise<PublishedIndex> {
  return inScratch(parts, async (scratchDir) => {
    await writeIndex([], { outputDir: scratchDir, format: parts.formatOf(repository), nowMs: parts.now() });
    const publication = publicationOf(repository, parts);
    const repomd = await publishRepodata(parts.layout.directoryOf(repository), scratchDir, publication);
    return publishedOf(0, repomd);
  });
}

/** Of an index that another program made nothing is known by the names in it. */
function distrusting(changes: RepositoryChanges): RepositoryChanges {
  return { ...changes, trust: leastOf(changes.trust, 'files') };
}

function jobOf(
  repository: RepositoryName,
  { trust: asked, placed, steps, isTakeOver }: RepositoryChanges,
  scratchDir: string,
  { layout, records, engine, formatOf }: ReindexParts,
): Omit<IndexJob, 'isPublicationWanted' | 'isFoundIndexKept'> {
  // An engine that looks at every file anyway can compare it with what was acknowledged.
  const trust = asked === 'names' && !engine.isCheapWhenUnchanged ? 'files' : asked;
  const faults = records.listPackageFaults(repository);
  const isHeldBack = ({ code, location }: PackageFault): boolean =>
    // An upload of it asks for it.
    code === 'PACKAGE_HELD_BACK' && !isTakeOver && records.receiptAt(repository, location) === undefined;
  return {
    repository,
    repositoryDir: layout.directoryOf(repository),
    scratchDir,
    trust,
    heldBack: new Set(faults.filter(isHeldBack).map(({ location }) => location)),
    kept: new Map(
      faults
        .filter(({ code }) => code !== 'PACKAGE_HELD_BACK')
        .map(({ location, identity }) => [location, identity]),
    ),
    acknowledged: trust === 'names' ? placed : records.acknowledgedDigests(repository),
    steps,
    setAside: new Map(records.listSetAside(repository).map(({ location, identity }) => [location, identity])),
    format: formatOf(repository),
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

/** What is on disk is the truth: the records follow what the engine found there. */
function keepRecords(job: IndexJob, built: BuiltIndex, startedAtMs: number, parts: ReindexParts): void {
  const { repository } = job;
  const { leftOut, readmitted, gone } = built;
  const { records, now, log } = parts;
  for (const location of readmitted) records.takeBack(repository, location);
  // What was placed since may have the name of one that was gone.
  records.forget(repository, gone, startedAtMs);
  const aside = leftOut.map((left): SetAside => ({ repository, ...left, sinceMs: now() }));
  for (const { location, reason } of aside) {
    log.warn({ repository, location, reason }, 'package set aside: it is not in the index');
  }
  records.setAside(aside);
  keepFaults(job, built, parts);
}

/** A fault lasts until a run describes the package, leaves it out, or finds it gone. */
function keepFaults(
  { repository, repositoryDir, heldBack }: IndexJob,
  { described, leftOut, faulty }: BuiltIndex,
  { records, now, log }: ReindexParts,
): void {
  const former = new Map(records.listPackageFaults(repository).map((fault) => [fault.location, fault]));
  const begun = faulty.filter(({ location, code, identity }) => {
    const known = former.get(location);
    return known?.code !== code || known.identity !== identity;
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
  records.endPackageFaults(
    repository,
    [...former.values()].filter(isOver).map(({ location }) => location),
  );
  records.savePackageFaults(begun.map((one) => ({ repository, ...one, sinceMs: now() })));
}

async function publish(
  job: IndexJob,
  built: BuiltIndex,
  { parts, signal }: { readonly parts: ReindexParts; readonly signal: AbortSignal },
): Promise<PublishedIndex> {
  const { repository, repositoryDir, scratchDir } = job;
  using added = await parts.foreignMetadata.addTo(scratchDir, repository, (path, error) =>
    parts.log.warn({ repository, path, err: error }, 'metadata that was put is damaged and not published'),
  );
  const former = await readSoundRepomd(repositoryDir);
  noteOtherNames(job, former, parts);
  const common = publicationOf(repository, parts);
  const repomd = await publishRepodata(repositoryDir, scratchDir, {
    ...common,
    tags: common.tags ?? (added.tags && mergeTags([former?.tags ?? NO_TAGS, added.tags])),
    endedTypes: added.endedTypes,
    signal,
  });
  // A link may have taken the place of a directory since the run began.
  parts.checkDirectories(repository);
  // A file of the same name may have been superseded before: its time begins anew when it is next.
  parts.records.forgetSuperseded(
    repository,
    repomd.data.map(({ href }) => basename(href)),
  );
  markPublished(job, built, parts);
  await added.published();
  return publishedOf(built.packageCount, repomd);
}

/** Files of the public index whose names do not say what they are: once repomd.xml names them no more, only a note does. */
function noteOtherNames(
  { repository, repositoryDir }: IndexJob,
  former: Repomd | undefined,
  { records, now }: ReindexParts,
): void {
  const files = (former?.data ?? []).flatMap(({ href }) => {
    const fileName = basename(href);
    const isOne =
      href === `repodata/${fileName}` &&
      !isChecksumNamed(fileName) &&
      !fileName.startsWith('repomd.xml') &&
      lstatSync(join(repositoryDir, href), { throwIfNoEntry: false })?.isFile() === true;
    return isOne ? [{ fileName, sinceMs: now() }] : [];
  });
  records.noteSuperseded(repository, files);
}

/** The published index is right as it is. */
async function keep(job: IndexJob, built: BuiltIndex, parts: ReindexParts): Promise<PublishedIndex> {
  markPublished(job, built, parts);
  const repomd = await readSoundRepomd(job.repositoryDir);
  return publishedOf(built.packageCount, repomd);
}

/** Notes of every package that was acknowledged before this run that hosts can install it now. */
function markPublished(
  { repository, acknowledged, setAside }: IndexJob,
  { described, leftOut, faulty, readmitted, gone }: BuiltIndex,
  { records, now }: ReindexParts,
): void {
  const isOut = new Set(setAside.keys());
  for (const location of readmitted) isOut.delete(location);
  // What is damaged and in the index was published before.
  for (const { location } of [...leftOut, ...faulty]) isOut.add(location);
  for (const location of gone) isOut.add(location);
  const published = new Map([...acknowledged].filter(([location]) => !isOut.has(location)));
  for (const [location, sha256] of described) published.set(location, sha256);
  records.markPublished(repository, published, now());
}

/** Gives a new empty directory to the work and removes it afterwards. */
async function inScratch<T>(
  { scratchRoot, log }: Pick<ReindexParts, 'scratchRoot' | 'log'>,
  work: (scratchDir: string) => Promise<T>,
): Promise<T> {
  const scratchDir = join(scratchRoot, randomUUID());
  await mkdir(scratchDir, { recursive: true });
  try {
    return await work(scratchDir);
  } finally {
    await rm(scratchDir, { recursive: true, force: true }).catch((error: unknown) =>
      log.warn({ scratchDir, err: error }, 'scratch directory not removed; the next start does it'),
    );
  }
}
