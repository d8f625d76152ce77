import { openConnection } from '../../src/client/open-connection.ts';
import type { PushFailure } from '../../src/client/push-failure.ts';
import type { PushEvents } from '../../src/client/push-files.ts';
import type { PushOptions, PushTerms } from '../../src/client/push-options.ts';
import type { RetryRules } from '../../src/client/push/with-retries.ts';
import { parseServiceUrl } from '../../src/client/service-urls.ts';

/** What a test says of its own, of all options together. */
export type PushChanges = Partial<Omit<PushOptions, 'terms' | 'retry'> & PushTerms & RetryRules>;

export interface TestPush extends Disposable {
  readonly options: PushOptions;
  /** Every pause that was made, without having been waited for. */
  readonly pausesMs: readonly number[];
  readonly failures: readonly PushFailure[];
}

const IDLE_MS = 20_000;

/** Options of a push whose pauses take no time, and whose jitter always leaves the whole pause. */
export function pushOptions(baseUrl: string, given: PushChanges = {}): TestPush {
  const pausesMs: number[] = [];
  const failures: PushFailure[] = [];
  let skippedMs = 0;
  const { signal = new AbortController().signal } = given;
  const connection = openConnection('http:', {
    headers: { authorization: 'Bearer secret' },
    idleMs: IDLE_MS,
    signal,
  });
  return {
    pausesMs,
    failures,
    options: {
      urls: parseServiceUrl(baseUrl),
      exchange: connection.exchange,
      isWaitWanted: false,
      jobs: 4,
      ...given,
      terms: { releasever: undefined, batchId: undefined, isBatchNamed: false, ...given },
      retry: {
        clock: {
          now: () => skippedMs,
          random: () => 1,
          pause: async (ms) => {
            signal.throwIfAborted();
            skippedMs += ms;
            pausesMs.push(ms);
          },
        },
        timeoutMs: 600_000,
        tellRetry: (failure) => void failures.push(failure),
        signal,
        ...given,
      },
    },
    [Symbol.dispose]: () => connection[Symbol.dispose](),
  };
}

/** Shows nothing. */
export const NO_EVENTS: PushEvents = {
  onSent: () => undefined,
  onSettled: () => undefined,
  onWaiting: () => undefined,
  onInstallable: () => undefined,
};

/** What a service says of a batch beside its name, its state and its packages. */
export const BATCH_FACTS = {
  packageCount: 1,
  sizeBytes: 1,
  repositories: ['9/x86_64'],
  changedAt: '2026-01-01T03:04:05Z',
  keptUntil: '2026-01-02T03:04:05Z',
};

/** What a service says of a package. */
export function outcomeOf(
  sha256: string,
  outcome: string,
  state = 'waiting',
  repository = '9/x86_64',
): object {
  const location = 'Packages/hello-1.0-1.el9.x86_64.rpm';
  const places = [{ repository, location, url: `http://repo.example.com/${location}`, state }];
  return { outcome, nevra: 'hello-1.0-1.el9.x86_64', sha256, sizeBytes: 1, places };
}
