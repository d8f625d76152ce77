import type { RepositoryName } from '../rpm/repository-name.ts';
import type { RepositoryLayout } from '../storage/repository-layout.ts';
import type { Records } from '../storage/records.ts';
import { readSoundRepomd } from './read-metadata.ts';
import type { ReindexLog } from './reindex-repository.ts';
import { type KeepRules, thinSuperseded } from './engines/incremental/thin-superseded.ts';

export interface TidyParts {
  readonly layout: RepositoryLayout;
  readonly records: Records;
  readonly keepRules: KeepRules;
  readonly now: () => number;
  /** Of a clock that nobody sets. */
  readonly uptimeMs?: () => number;
  readonly log: ReindexLog;
}

// Nothing is removed before an hour is over, and looking at thousands of files takes longer than a small run.
const TIDY_EVERY_MS = 60_000;
// Less is how clocks drift.
const CLOCK_STEP_MS = 1_000;

/**
 * Makes the work after a run that nobody waits for: superseded metadata goes when its time is over. Between two runs of
 * a repository, because a run may publish a file again that was superseded before.
 */
export function createTidying(parts: TidyParts): (repository: RepositoryName) => Promise<void> {
  const { layout, records, keepRules: rules, now, uptimeMs = () => performance.now(), log } = parts;
  const last = new Map<RepositoryName, { readonly nowMs: number; readonly upMs: number }>();

  return async (repository) => {
    const nowMs = now();
    const upMs = uptimeMs();
    const former = last.get(repository);
    if (former !== undefined && upMs - former.upMs < TIDY_EVERY_MS) return;
    last.set(repository, { nowMs, upMs });
    const shiftMs = former === undefined ? 0 : stepOfClock(nowMs - former.nowMs, upMs - former.upMs);
    try {
      const repositoryDir = layout.directoryOf(repository);
      const repomd = await readSoundRepomd(repositoryDir);
      if (repomd === undefined) return;
      const known = records
        .listSuperseded(repository)
        .map(({ fileName, sinceMs }) => ({ fileName, sinceMs: sinceMs + shiftMs }));
      records.replaceSuperseded(
        repository,
        await thinSuperseded({ repositoryDir, repomd, known, rules, nowMs }),
      );
    } catch (error) {
      // The index is public; what was not cleaned up now is later.
      log.warn({ repository, err: error }, 'superseded metadata not thinned');
    }
  };
}

/**
 * By how much the clock was set meanwhile. One that is set back and later right again would make files look old that were
 * superseded a moment ago.
 */
function stepOfClock(shownMs: number, passedMs: number): number {
  const stepMs = Math.round(shownMs - passedMs);
  return Math.abs(stepMs) < CLOCK_STEP_MS ? 0 : stepMs;
}
