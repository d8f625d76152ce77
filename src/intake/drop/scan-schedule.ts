// Events often come several at once: one scan for all of them.
const AGAIN_MS = 100;

/** Runs scans one after the other: when one is asked for, and now and then. */
export class ScanSchedule {
  readonly #scan: () => Promise<void>;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #scanning: Promise<void> | undefined;
  #isWantedAgain = false;
  #isClosed = false;

  /** @param scan never fails. */
  constructor(scan: () => Promise<void>, everyMs: number) {
    this.#scan = scan;
    this.#everyMs = everyMs;
  }

  /** The next scan begins after this long at the latest. */
  scanWithin(delayMs: number): void {
    const atMs = performance.now() + delayMs;
    if (this.#isClosed || this.#timerAtMs <= atMs) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    this.#timer = setTimeout(() => this.#start(), delayMs);
  }

  /** Waits for the scan under way, and begins none. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#scanning;
  }

  #start(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    this.#isWantedAgain = this.#scanning !== undefined;
    if (this.#isWantedAgain) return;
    this.#scanning = this.#scan().finally(() => {
      this.#scanning = undefined;
      this.scanWithin(this.#isWantedAgain ? AGAIN_MS : this.#everyMs);
    });
  }
}
