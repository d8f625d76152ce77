import type { BigIntStats } from 'node:fs';
import type { AppError } from '../../errors.ts';
import type { RefusedDrop } from './move-to-rejected.ts';

/** The state of a file in the drop directory, as long as it stays the same file. */
export interface Sighting {
  readonly identity: string;
  /** When it was first seen so. */
  readonly sinceMs: number;
  /** What reading it showed: it is not read again. */
  readonly verdict?: Verdict;
  /** What kept it from being taken, removed or moved at the last attempt. */
  readonly fault?: AppError;
  /** How often that failed, and when it is tried again. */
  readonly failures: number;
  readonly retryAtMs: number;
}

export type Verdict =
  /** It is cut off, or cannot be read yet. */
  | { readonly kind: 'arriving'; readonly refusal: RefusedDrop }
  | { readonly kind: 'refused'; readonly refusal: RefusedDrop }
  /** The package is in the repositories; only the dropped file has to go. */
  | { readonly kind: 'taken' };

export interface SettleRules {
  readonly settleMs: number;
  readonly giveUpMs: number;
}

/** The facts that the next step depends on. */
export interface Situation {
  readonly stats: Pick<BigIntStats, 'mtimeNs' | 'ctimeNs' | 'ctimeMs'>;
  readonly sighting: Sighting;
  readonly rules: SettleRules;
  readonly nowMs: number;
}

export type Step =
  | { readonly do: 'wait'; readonly untilMs: number }
  | { readonly do: 'take' }
  | { readonly do: 'remove' }
  /** It is refused already, and only has to be moved. */
  | { readonly do: 'move away'; readonly refusal: RefusedDrop }
  | { readonly do: 'give up'; readonly refusal: RefusedDrop };

/**
 * The next step for a dropped file. A file whose last change was a write (mtime and ctime are then equal) may still
 * grow, so it has to be quiet for a while. Where they differ, the last change was no write but the end: the file was
 * renamed in (mv on one mount, rsync), or the program that wrote it set its times or its mode (mv from another mount,
 * rsync --inplace, cp -p, scp -p, sftp put -p, install). cp, scp and sftp put leave them equal, and so do the others
 * within a tick of the clock (4 ms) after the last write, unless they set an older time.
 *
 * Tried with rsync 3.5, OpenSSH 9.2 and coreutils 9.1, and call by call on Linux 6.18, ext4 and tmpfs: equal after
 * write, append, ftruncate, fallocate, copy_file_range, a write through mmap with and without msync, and utimes to now;
 * different after rename, link, chmod, chown and utimes to another time. A file system that behaves otherwise only
 * makes files be read once too often: whether a package is whole is never decided here, but by its own digests.
 */
export function nextStep({ stats, sighting, rules, nowMs }: Situation): Step {
  const { mtimeNs, ctimeNs, ctimeMs } = stats;
  const { sinceMs, verdict, retryAtMs } = sighting;
  const { settleMs, giveUpMs } = rules;
  if (nowMs < retryAtMs) return { do: 'wait', untilMs: retryAtMs };
  // ctime, because no program can set it. One in the future (of a clock that was set back) must not mean for ever.
  const unchangedSinceMs = Math.min(Number(ctimeMs), sinceMs);
  if (verdict === undefined) {
    const settledMs = ctimeNs === mtimeNs ? unchangedSinceMs + settleMs : nowMs;
    return settledMs <= nowMs ? { do: 'take' } : { do: 'wait', untilMs: settledMs };
  }
  if (verdict.kind === 'taken') return { do: 'remove' };
  const { refusal } = verdict;
  if (verdict.kind === 'refused') return { do: 'move away', refusal };
  const givenUpMs = unchangedSinceMs + giveUpMs;
  return givenUpMs <= nowMs ? { do: 'give up', refusal } : { do: 'wait', untilMs: givenUpMs };
}
