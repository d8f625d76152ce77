import type { PushFailure } from '../client/push-failure.ts';
import type { PushedFile } from '../client/push-file.ts';
import type { PushEvents } from '../client/push-files.ts';
import type { SourceFile } from '../client/push-options.ts';
import { errorLines } from './error-lines.ts';
import { createProgressBar, grouped, ofBytes } from './progress-bar.ts';
import { acceptedLine, warningLines } from './push-lines.ts';

/** Shows how a push goes on. */
export interface PushDisplay extends PushEvents {
  /** A line on standard error. */
  readonly note: (line: string) => void;
  /** Prints once why a file is not where it should be. */
  readonly noteFailure: (result: PushedFile) => void;
  /** Takes the bar away for good. */
  readonly end: () => void;
}

/** Accepted packages on standard output, everything else on standard error; on a terminal with a bar below. */
export function createPushDisplay(files: readonly SourceFile[], isJson: boolean): PushDisplay {
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const positions = new Map<SourceFile, number>();
  const noted = new Set<PushFailure>();
  let done = 0;
  let settledCount = 0;
  let waitingCount = 0;
  let installableCount = 0;
  const counts = (): string => `${grouped(settledCount)} of ${grouped(files.length)}`;
  const sending = createProgressBar('sending', (progress) => `${counts()}, ${ofBytes(progress)}`);
  const waiting = createProgressBar('waiting');

  const end = (): void => {
    sending.clear();
    waiting.clear();
  };
  const note = (line: string): void => {
    end();
    process.stderr.write(line);
  };
  const noteFailure = ({ file, failure }: PushedFile): void => {
    if (failure === undefined || noted.has(failure)) return;
    noted.add(failure);
    note(errorLines(file.path, failure));
  };
  return {
    onSent: (file, positionBytes) => {
      done += positionBytes - (positions.get(file) ?? 0);
      positions.set(file, positionBytes);
      sending.show({ done, total });
    },
    onSettled: (result) => {
      settledCount += 1;
      noteFailure(result);
      if (result.outcome === undefined || isJson) return;
      end();
      process.stdout.write(acceptedLine(result.status, result.outcome));
      const warnings = warningLines(result.outcome);
      if (warnings !== '') note(warnings);
    },
    onWaiting: (fileCount) => {
      end();
      waitingCount = fileCount;
      waiting.show({ done: 0, total: waitingCount });
    },
    onInstallable: (result) => {
      installableCount += 1;
      noteFailure(result);
      waiting.show({ done: installableCount, total: waitingCount });
    },
    note,
    noteFailure,
    end,
  };
}
