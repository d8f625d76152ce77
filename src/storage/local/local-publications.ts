import { randomUUID } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { RepositoryName } from '../../rpm/repository-name.ts';
import { isChecksumNamed } from '../../rpm/repodata-names.ts';
import type { Repomd } from '../../rpm/repodata/repomd.ts';
import type { KeepRules, Publication, Publications, PublishedPackages } from '../publications.ts';
import { readSoundRepomd } from '../read-repomd.ts';
import type { RepositoryLayout } from '../repository-layout.ts';
import { checkDirectories } from './check-directories.ts';
import { isPublicationWhole } from './check-publication.ts';
import { publishRepodata } from './publish-repodata.ts';
import type { SqliteRecords } from './sqlite-records.ts';
import { thinSuperseded } from './thin-superseded.ts';

export interface LocalPublicationsOptions {
  readonly layout: RepositoryLayout;
  readonly scratchRoot: string;
  readonly records: SqliteRecords;
  readonly now: () => number;
  /** Of a clock that no person sets. */
  readonly uptimeMs?: () => number;
  /** Told of a scratch directory that could not be removed; the next start does it. */
  readonly onLeftover: (path: string, error: unknown) => void;
}

// Nothing is removed before an hour is over, and looking at thousands of files takes longer than a small run.
const TIDY_EVERY_MS = 60_000;
// Less is how clocks drift.
const CLOCK_STEP_MS = 1_000;

/** Publications in the directories of the tree. */
export class LocalPublications implements Publications {
  readonly #options: LocalPublicationsOptions;
  readonly #uptimeMs: () => number;
  /** When each repository was tidied last, by both clocks. */
  readonly #tidied = new Map<RepositoryName, { readonly nowMs: number; readonly upMs: number }>();

  constructor(options: LocalPublicationsOptions) {
    this.#options = options;
    this.#uptimeMs = options.uptimeMs ?? (() => performance.now());
  }

  async workspace(repository: RepositoryName): Promise<string> {
    return this.#options.layout.directoryOf(repository);
  }

  async inScratch<T>(work: (scratchDir: string) => Promise<T>): Promise<T> {
    const { scratchRoot, onLeftover } = this.#options;
    const scratchDir = join(scratchRoot, randomUUID());
    await mkdir(scratchDir, { recursive: true });
    try {
      return await work(scratchDir);
    } finally {
      await rm(scratchDir, { recursive: true, force: true }).catch((error: unknown) =>
        onLeftover(scratchDir, error),
      );
    }
  }

  async publish(
    repository: RepositoryName,
    scratchDir: string,
    { packages, ...publication }: PublishedPackages,
  ): Promise<Repomd> {
    const { layout, records, now } = this.#options;
    await this.#noteOtherNames(repository);
    const repomd = await publishRepodata(layout.directoryOf(repository), scratchDir, publication);
    // A link may have taken the place of a directory since the run began.
    checkDirectories(repository, layout);
    // A file of the same name may have been superseded before: its time begins anew when it is next.
    await records.forgetSuperseded(
      repository,
      repomd.data.map(({ href }) => basename(href)),
    );
    await records.markPublished(repository, packages, now());
    return repomd;
  }

  current(repository: RepositoryName): Promise<Repomd | undefined> {
    return readSoundRepomd(this.#options.layout.directoryOf(repository));
  }

  isWhole(
    repository: RepositoryName,
    publication: Pick<Publication, 'url' | 'signer' | 'tags'>,
  ): Promise<boolean> {
    return isPublicationWhole(this.#options.layout.directoryOf(repository), publication);
  }

  /** Between two runs of a repository, because a run may publish a file again that was superseded before. */
  async tidy(repository: RepositoryName, rules: KeepRules): Promise<void> {
    const { layout, records, now } = this.#options;
    const nowMs = now();
    const upMs = this.#uptimeMs();
    const former = this.#tidied.get(repository);
    if (former !== undefined && upMs - former.upMs < TIDY_EVERY_MS) return;
    this.#tidied.set(repository, { nowMs, upMs });
    const shiftMs = former === undefined ? 0 : stepOfClock(nowMs - former.nowMs, upMs - former.upMs);
    const repomd = await this.current(repository);
    if (repomd === undefined) return;
    const known = (await records.listSuperseded(repository)).map(({ fileName, sinceMs }) => ({
      fileName,
      sinceMs: sinceMs + shiftMs,
    }));
    const repositoryDir = layout.directoryOf(repository);
    const superseded = await thinSuperseded({ repositoryDir, repomd, known, rules, nowMs });
    await records.replaceSuperseded(repository, superseded);
  }

  /** Files of the public index whose names do not say what they are: once repomd.xml names them no more, only a note does. */
  async #noteOtherNames(repository: RepositoryName): Promise<void> {
    const { layout, records, now } = this.#options;
    const former = await this.current(repository);
    const files = (former?.data ?? []).flatMap(({ href }) => {
      const fileName = basename(href);
      const isOne =
        href === `repodata/${fileName}` &&
        !isChecksumNamed(fileName) &&
        !fileName.startsWith('repomd.xml') &&
        lstatSync(join(layout.directoryOf(repository), href), { throwIfNoEntry: false })?.isFile() === true;
      return isOne ? [{ fileName, sinceMs: now() }] : [];
    });
    await records.noteSuperseded(repository, files);
  }
}

/**
 * By how much the clock was set meanwhile. One that is set back and later right again would make files look old that were
 * superseded a moment ago.
 */
function stepOfClock(shownMs: number, passedMs: number): number {
  const stepMs = Math.round(shownMs - passedMs);
  return Math.abs(stepMs) < CLOCK_STEP_MS ? 0 : stepMs;
}
