import type { PushReport } from './push-files.ts';

/** Exit codes of `rpmyard push`; when several apply, the first of 1, 3 and 4. */
export const PUSH_EXIT = { DONE: 0, REFUSED: 1, UNREACHABLE: 3, LATE: 4 } as const;

export function choosePushExitCode({ results, batch }: PushReport): number {
  const isAny = (status: string): boolean => results.some((result) => result.status === status);
  if (isAny('refused') || batch?.failure?.kind === 'refusal') return PUSH_EXIT.REFUSED;
  const isAccepted = batch === undefined || batch.state === 'committed' || batch.state === 'waiting';
  if (isAny('failed') || !isAccepted) return PUSH_EXIT.UNREACHABLE;
  return isAny('waiting') || batch?.state === 'waiting' ? PUSH_EXIT.LATE : PUSH_EXIT.DONE;
}
