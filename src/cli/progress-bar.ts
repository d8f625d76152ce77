import type { IndexProgress } from '../indexing/index-engine.ts';

/** Shows on a terminal how far a command is; on any other output it writes nothing. */
export interface ProgressBar {
  readonly show: (progress: IndexProgress) => void;
  /** Takes the bar away before a line is written. */
  readonly clear: () => void;
}

/** The words beside the bar. */
export type DescribeProgress = (progress: IndexProgress) => string;

const BAR_WIDTH = 30;
const MAX_LABEL_WIDTH = 24;
// Redrawing more often costs processor time, and the eye does not see it.
const REDRAW_MS = 100;
const CLEAR_LINE = '\r\u001b[K';

export function createProgressBar(
  label: string,
  describe: DescribeProgress = ofPackages,
  stream: NodeJS.WriteStream = process.stderr,
): ProgressBar {
  let drawnAtMs = Number.NEGATIVE_INFINITY;
  let isDrawn = false;
  return {
    show: (progress) => {
      if (!stream.isTTY || performance.now() - drawnAtMs < REDRAW_MS) return;
      drawnAtMs = performance.now();
      isDrawn = true;
      stream.write(`${CLEAR_LINE}${renderProgress(label, progress, describe)}`);
    },
    clear: () => {
      if (isDrawn) stream.write(CLEAR_LINE);
      isDrawn = false;
    },
  };
}

/** `9/x86_64 [##########          ] 12,345 of 20,000`: fits a terminal of 80 columns. */
export function renderProgress(
  label: string,
  progress: IndexProgress,
  describe: DescribeProgress = ofPackages,
): string {
  const { done, total } = progress;
  const filled = total === 0 ? BAR_WIDTH : Math.floor((done / total) * BAR_WIDTH);
  const bar = `${'#'.repeat(filled)}${' '.repeat(BAR_WIDTH - filled)}`;
  const name = label.length > MAX_LABEL_WIDTH ? `${label.slice(0, MAX_LABEL_WIDTH - 1)}~` : label;
  return `${name} [${bar}] ${describe(progress)}`;
}

/** `12.3 of 400.0 MB`. */
export function ofBytes({ done, total }: IndexProgress): string {
  return `${megabytes(done)} of ${megabytes(total)} MB`;
}

function ofPackages({ done, total }: IndexProgress): string {
  return `${grouped(done)} of ${grouped(total)}`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toLocaleString('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

/** `1 package`, `20,000 packages`. */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `20,000`. */
export function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
