import type { RepositoryLayout, RepositoryName } from '../place/repository-layout.ts';
import type { Records } from '../records/records.ts';
import { readSoundRepomd } from './read-metadata.ts';
import type { ReindexLog } from './reindex-repository.ts';
import { type KeepRules, thinSuperseded } from './thin-superseded.ts';

export interface TidyParts {
  readonly layout: RepositoryLayout;
  readonly records: Records;
  readonly keepRules: KeepRules;
  readonly now: () => number;
  readonly log: ReindexLog;
}

// Nothing is removed before an hour is over, and looking at thousands of files takes longer than a small run.
const TIDY_EVERY_MS = 60_000;

/**
 * Makes the work after a run that nobody waits for: superseded metadata goes when its time is over. Between two runs of
 * a repository, because a run may publish a file again that was superseded before.
 */
export function createTidying(parts: TidyParts): (repository: RepositoryName) => Promise<void> {
  const { layout, records, keepRules: rules, now, log } = parts;
  const lastMs = new Map<RepositoryName, number>();

  return async (repository) => {
    const nowMs = now();
    // A clock that was set back must not put it off.
    const sinceMs = Math.abs(nowMs - (lastMs.get(repository) ?? Number.NEGATIVE_INFINITY));
    if (sinceMs < TIDY_EVERY_MS) return;
    lastMs.set(repository, nowMs);
    try {
      const repositoryDir = layout.directoryOf(repository);
      const repomd = await readSoundRepomd(repositoryDir);
      if (repomd === undefined) return;
      const known = records.listSuperseded(repository);
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
