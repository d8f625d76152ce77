import { type AppError, printable } from '../../errors.ts';
import type { DropReport } from './drop-report.ts';
import { type DroppedFile, describeOrigin } from './dropped-file.ts';
import type { Sighting, Verdict } from './next-step.ts';

/** Why a file stays where it is, and when it is tried again. */
export interface Stay {
  readonly fault: AppError;
  readonly cause: string;
  readonly pauseMs: number;
}

/** The state of the files in the drop directory; it ends with the process, or with the files. */
export class Sightings {
  readonly #report: Pick<DropReport, 'noteStays'>;
  readonly #now: () => number;
  readonly #sightings = new Map<string, Sighting>();
  readonly #toldFaults = new Set<string>();

  constructor(report: Pick<DropReport, 'noteStays'>, now: () => number) {
    this.#report = report;
    this.#now = now;
  }

  /** What is known of the file that has this name now; nothing yet when it is another one than before. */
  see(name: string, identity: string): Sighting {
    const known = this.#sightings.get(name);
    if (known?.identity === identity) return known;
    const sighting: Sighting = { identity, sinceMs: this.#now(), failures: 0, retryAtMs: 0 };
    this.#sightings.set(name, sighting);
    return sighting;
  }

  forget(name: string): void {
    this.#sightings.delete(name);
  }

  /** Forgets the others. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const name of this.#sightings.keys()) if (!names.has(name)) this.#sightings.delete(name);
    if (this.listFaults().length === 0) this.#toldFaults.clear();
  }

  listFaults(): readonly AppError[] {
    return [...this.#sightings.values()].flatMap(({ fault }) => fault ?? []);
  }

  /** Keeps what was found out by reading a file. */
  judge(file: DroppedFile, verdict: Verdict): DroppedFile {
    const { identity, sinceMs } = file.sighting;
    const sighting: Sighting = { identity, sinceMs, verdict, failures: 0, retryAtMs: 0 };
    this.#sightings.set(file.name, sighting);
    return { ...file, sighting };
  }

  /** Faults with one cause are logged once. */
  noteFault({ name, sighting, stats }: DroppedFile, { fault, cause, pauseMs }: Stay): void {
    const retryAtMs = this.#now() + pauseMs;
    this.#sightings.set(name, { ...sighting, fault, failures: sighting.failures + 1, retryAtMs });
    if (this.#toldFaults.has(cause)) return;
    this.#toldFaults.add(cause);
    this.#report.noteStays(describeOrigin({ name, stats }), fault);
  }

  /** Keeps why a file cannot be looked at. */
  noteUnseen(name: string, fault: AppError): void {
    const isTold = this.#sightings.get(name)?.fault?.message === fault.message;
    if (!isTold) this.#report.noteStays({ file: printable(name) }, fault);
    this.#sightings.set(name, { identity: '', sinceMs: this.#now(), fault, failures: 1, retryAtMs: 0 });
  }
}
