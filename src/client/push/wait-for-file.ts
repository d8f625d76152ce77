import { packageSetAside } from '../../api/package-set-aside.ts';
import type { ErrorCode } from '../../errors.ts';
import type { Answer } from '../open-connection.ts';
import { PushFailure } from '../push-failure.ts';
import type { PushedFile } from '../push-file.ts';
import type { PushOptions } from '../push-options.ts';
import { type Outcome, readOutcome } from '../read-answer.ts';
import { type RetryRules, withRetries } from './with-retries.ts';

// The service waits this long at most (docs/http.md).
const MAX_WAIT_MS = 50_000;
/**
 * How long an answer may take: the service may hold a commit as long as a wait, also without ?wait=, and the network
 * takes time.
 */
export const ANSWER_LIMIT_MS = MAX_WAIT_MS + 30_000;
// When a service answers at once, the client pauses before it asks again.
const MIN_ROUND_MS = 1000;

/** Waits until hosts can install an accepted package, until it is clear that they never will, or until the deadline. */
export async function waitForFile(
  result: PushedFile,
  deadlineMs: number,
  options: PushOptions,
): Promise<PushedFile> {
  const { urls, retry } = options;
  try {
    const url = urls.api(`uploads/${result.sha256 ?? ''}`);
    const answer = await withRetries({ ...retry, deadlineMs }, async () =>
      askUntilSettled(url, deadlineMs, options),
    );
    const outcome = readOutcome(answer);
    const aside = findSetAside(outcome);
    if (aside !== undefined) return { ...result, status: 'refused', failure: aside };
    // The answer to the upload said whether the package was new.
    const { outcome: word = outcome.outcome, warnings } = result.outcome ?? {};
    const settled = { ...outcome, outcome: word, ...(warnings && { warnings }) };
    return { ...result, outcome: settled, ...(answer.status === 202 && late()) };
  } catch (error) {
    retry.signal.throwIfAborted();
    if (!(error instanceof PushFailure)) throw error;
    return { ...result, status: error.code === 'PACKAGE_SET_ASIDE' ? 'refused' : 'waiting', failure: error };
  }
}

/**
 * Asks with `?wait=` again and again, as long as the service says that it is not done.
 * @returns the last answer; 202 when the deadline came first.
 */
export async function askUntilDone(
  ask: (waitSeconds: number) => Promise<Answer>,
  deadlineMs: number,
  { clock }: Pick<RetryRules, 'clock'>,
): Promise<Answer> {
  for (;;) {
    const startMs = clock.now();
    const waitMs = Math.min(MAX_WAIT_MS, Math.max(0, deadlineMs - startMs));
    const answer = await ask(Math.ceil(waitMs / 1000));
    const leftMs = deadlineMs - clock.now();
    if (answer.status !== 202 || leftMs <= 0) return answer;
    const tookMs = clock.now() - startMs;
    if (tookMs < MIN_ROUND_MS) await clock.pause(Math.min(MIN_ROUND_MS - tookMs, leftMs));
  }
}

async function askUntilSettled(url: URL, deadlineMs: number, options: PushOptions): Promise<Answer> {
  const ask = async (waitSeconds: number): Promise<Answer> => {
    const asked = new URL(url);
    asked.searchParams.set('wait', String(waitSeconds));
    const answer = await options.exchange({ method: 'GET', url: asked, idleMs: ANSWER_LIMIT_MS });
    // Throws for anything but a success, so that it is tried again or ends.
    readOutcome(answer);
    return answer;
  };
  return askUntilDone(ask, deadlineMs, options.retry);
}

function late(): Pick<PushedFile, 'status' | 'failure'> {
  const failure = new PushFailure({
    code: 'INDEX_LATE' satisfies ErrorCode,
    detail: 'it is accepted, but not in the index yet',
    hint: 'It will be: push it again with --wait, or with a longer --timeout.',
    kind: 'passing',
  });
  return { status: 'waiting', failure };
}

/** The failure of a package that is stored and will never be in the index. */
export function findSetAside({ nevra, places }: Outcome): PushFailure | undefined {
  const place = places.find(({ state }) => state === 'set-aside');
  if (place === undefined) return undefined;
  return new PushFailure({
    code: 'PACKAGE_SET_ASIDE' satisfies ErrorCode,
    ...packageSetAside({ nevra, ...place }),
    kind: 'refusal',
  });
}
