import { waitAtMost } from '../../base/turns/wait-at-most.ts';
import { AppError } from '../../errors.ts';

/** Calls to a file system that may be a network mount, and may not answer. */
export interface MountCalls {
  /**
   * Waits for a call, with a limit. A call that hangs keeps its thread, of which Node has four for everything, so
   * nothing else is asked of the mount until it returns.
   * @param discard gets a result that comes too late.
   * @throws AppError STORAGE_FAILED when there is no answer in time, or an earlier call still hangs; the error of the
   * call.
   */
  readonly within: <Result>(
    call: () => Promise<Result>,
    discard?: (result: Result) => Promise<void>,
  ) => Promise<Result>;
}

/** @param path names the mount in messages. */
export function createMountCalls(path: string, answerMs: number): MountCalls {
  let hanging = 0;
  return { within };

  async function within<Result>(
    call: () => Promise<Result>,
    discard: (result: Result) => Promise<void> = async () => undefined,
  ): Promise<Result> {
    if (hanging > 0) throw noAnswer(path, answerMs);
    const answer = call();
    return waitAtMost(answerMs, answer, () => {
      hanging += 1;
      answer
        .then(discard)
        .catch(() => undefined)
        .finally(() => (hanging -= 1));
      throw noAnswer(path, answerMs);
    });
  }
}

function noAnswer(path: string, answerMs: number): AppError {
  return new AppError('STORAGE_FAILED', `${path} does not answer within ${answerMs / 1000} s`, {
    hint: 'Check the server or the disk that is mounted there, or mount it again.',
  });
}
