import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, errnoOf, type ErrorCode } from '../../errors.ts';
import { pauseAfter } from '../../base/turns/pause-after.ts';
import { DropFolder } from './drop-folder.ts';
import { DropReport, type DropReportParts } from './drop-report.ts';
import type { DroppedFile } from './dropped-file.ts';
import { FileFault } from './file-fault.ts';
import { moveToRejected, REJECTED_DIRECTORY, type RefusedDrop } from './move-to-rejected.ts';
import { nextStep, type SettleRules } from './next-step.ts';
import { Sightings } from './sightings.ts';
import {
  identifyDropped,
  type FileCalls,
  NODE_FILE_CALLS,
  type Reach,
  toReadFault,
  type TakeParts,
  takeDroppedFile,
} from './take-dropped-file.ts';

export interface DroppedFilesParts {
  /** The drop directory. */
  readonly path: string;
  readonly rules: SettleRules;
  readonly take: TakeParts;
  readonly report: DropReportParts;
  /** Instead of those of Node. */
  readonly fileCalls?: Partial<FileCalls>;
}

/** Before the second, third, ... attempt at a file that could not be taken, moved or removed. */
const RETRY_PAUSES_MS = [10_000, 30_000, 60_000, 300_000];
// The whole file is copied before its repository is known, and a quota of a day rarely has room sooner.
const QUOTA_PAUSE_MS = 3_600_000;
const SOON_MS = 100;
const ARRIVING: ReadonlySet<ErrorCode> = new Set(['RPM_TRUNCATED', 'EMPTY_BODY']);
// Of a body that a client sends, these say that the client broke off; of a file, that the service stopped or its disk hung.
const BROKEN_OFF: ReadonlySet<ErrorCode> = new Set(['BODY_INCOMPLETE', 'UPLOAD_STALLED']);
// The content of the very file may cause these, so the next one is tried all the same.
const OF_ONE_FILE: ReadonlySet<ErrorCode> = new Set([
  'INTERNAL',
  'PACKAGE_SIGNING_FAILED',
  'SIGNING_TOOL_FAILED',
]);

const REPLACEMENT_CHARACTER = '\ufffd';

/** Works the files of the drop directory off, each when its time has come. */
export class DroppedFiles {
  readonly #parts: DroppedFilesParts;
  readonly #reach: Reach;
  readonly #lookWithin: (delayMs: number) => void;
  readonly #fileCalls: FileCalls;
  readonly #folder: DropFolder;
  readonly #report: DropReport;
  readonly #sightings: Sightings;

  /** @param lookWithin called when something has to be looked at again; the files are then looked at in turn. */
  constructor(parts: DroppedFilesParts, reach: Reach, lookWithin: (delayMs: number) => void) {
    this.#parts = parts;
    this.#reach = reach;
    this.#lookWithin = lookWithin;
    this.#fileCalls = { ...NODE_FILE_CALLS, ...parts.fileCalls };
    this.#folder = new DropFolder(parts.path, reach.calls, this.#fileCalls);
    this.#report = new DropReport(parts.report);
    this.#sightings = new Sightings(this.#report, parts.report.now);
  }

  /**
   * Looks at one file and takes the step that is due. When the file has to be looked at again, `lookWithin` is called.
   * @returns 'blocked' when a fault of the service kept the file from being taken, which the next file would most
   * likely meet too.
   */
  async lookAt(name: string): Promise<'done' | 'blocked'> {
    const file = await this.#find(name);
    if (file === undefined) return 'done';
    const { stats, sighting } = file;
    const nowMs = this.#parts.report.now();
    const step = nextStep({ stats, sighting, rules: this.#parts.rules, nowMs });
    if (step.do === 'take') return this.#take(file);
    if (step.do === 'wait') this.#lookWithin(step.untilMs - nowMs);
    else if (step.do === 'remove') await this.#remove(file);
    else if (step.do === 'move away') await this.#moveAway(file, step.refusal);
    else await this.#refuse(file, unfinished(step.refusal));
    return 'done';
  }

  /** Forgets the others. */
  keepOnly(names: ReadonlySet<string>): void {
    this.#sightings.keepOnly(names);
  }

  /** The fault that keeps files from being worked off and is not of a single file. */
  findFault(): AppError | undefined {
    return this.#sightings.listFaults().find((fault) => !(fault instanceof FileFault));
  }

  /** The files that cannot be worked off for a fault of their own. */
  countStuck(): number {
    return this.#sightings.listFaults().filter((fault) => fault instanceof FileFault).length;
  }

  /** Undefined when it is gone or cannot be looked at. @throws AppError of a mount that does not answer. */
  async #find(name: string): Promise<DroppedFile | undefined> {
    const path = join(this.#parts.path, name);
    const stats = await this.#folder.look(name).catch((error: unknown) => toReadFault(path, error));
    // The mount does not answer, so it would not answer for the next file either.
    if (stats instanceof AppError && !(stats instanceof FileFault)) throw stats;
    if (stats instanceof AppError) this.#sightings.noteUnseen(name, stats);
    else if (stats === undefined && name.includes(REPLACEMENT_CHARACTER)) {
      this.#sightings.noteUnseen(name, notUtf8(name, this.#parts.path));
    }
    if (stats === undefined || stats instanceof AppError) return undefined;
    return { name, path, stats, sighting: this.#sightings.see(name, identifyDropped(stats)) };
  }

  async #take(file: DroppedFile): Promise<'done' | 'blocked'> {
    const result = await takeDroppedFile(file, this.#parts.take, {
      ...this.#reach,
      open: this.#fileCalls.open,
    });
    if (result.kind === 'failed') return this.#passOn(file, result);
    if (result.kind === 'read fault') this.#countFault(file, result.error);
    else if (result.kind === 'unreadable') this.#awaitRest(file, { error: result.error, sha256: undefined });
    else if (result.kind === 'taken') {
      this.#report.noteTaken(file, result.outcome);
      await this.#remove(this.#sightings.judge(file, { kind: 'taken' }));
    } else this.#lookAgain(file);
    return 'done';
  }

  async #passOn(file: DroppedFile, { error, sha256 }: RefusedDrop): Promise<'done' | 'blocked'> {
    const isBrokenOff = BROKEN_OFF.has(error.code);
    if (this.#reach.signal.aborted && isBrokenOff) return 'done';
    if (error.code === 'QUOTA_REACHED') {
      // The next file may be for a repository that exists.
      this.#countFault(file, ofThisFile(error), QUOTA_PAUSE_MS);
      return 'done';
    }
    if (OF_ONE_FILE.has(error.code)) {
      this.#countFault(file, ofThisFile(error));
      return 'done';
    }
    if (error.statusCode >= 500 || isBrokenOff) {
      this.#countFault(file, error);
      return 'blocked';
    }
    if (ARRIVING.has(error.code)) this.#awaitRest(file, { error, sha256 });
    else await this.#refuse(file, { error, sha256 });
    return 'done';
  }

  #countFault(file: DroppedFile, fault: AppError, pauseMs = chooseNextPause(file)): void {
    this.#report.countFailure(fault);
    this.#sightings.noteFault(file, { fault, cause: `${fault.code} ${fault.message}`, pauseMs });
  }

  #awaitRest(file: DroppedFile, refusal: RefusedDrop): void {
    this.#sightings.judge(file, { kind: 'arriving', refusal });
    this.#lookWithin(SOON_MS);
  }

  async #refuse(file: DroppedFile, refusal: RefusedDrop): Promise<void> {
    this.#report.noteRefused(file, refusal);
    await this.#moveAway(this.#sightings.judge(file, { kind: 'refused', refusal }), refusal);
  }

  async #remove(file: DroppedFile): Promise<void> {
    await this.#whileSame(file, 'removed', () => unlink(file.path));
  }

  async #moveAway(file: DroppedFile, refusal: RefusedDrop): Promise<void> {
    const { path: directory, report } = this.#parts;
    await this.#whileSame(file, `moved to ${REJECTED_DIRECTORY}`, () =>
      moveToRejected({ directory, name: file.name, refusal, nowMs: report.now() }),
    );
  }

  /**
   * Does something to the name that leads to the file that was read; a file that replaced it meanwhile is looked at
   * instead. Between the check and the deed is less than a millisecond, in which no program replaces a file that lay
   * here for seconds.
   */
  async #whileSame(file: DroppedFile, deed: string, act: () => Promise<void>): Promise<void> {
    try {
      if (!(await this.#folder.isStillThere(file))) return this.#lookAgain(file);
      await this.#reach.calls.within(act);
      this.#sightings.forget(file.name);
    } catch (error) {
      // It may also be `rejected` that another program removed.
      const isGone =
        errnoOf(error) === 'ENOENT' && !(await this.#folder.isStillThere(file).catch(() => true));
      if (isGone) return this.#lookAgain(file);
      // The verdict is known: it waits, without being read again.
      const fault = await this.#folder.explain(file, deed, error);
      this.#sightings.noteFault(file, {
        fault,
        cause: `${file.name} ${deed}`,
        pauseMs: chooseNextPause(file),
      });
    }
  }

  #lookAgain({ name }: DroppedFile): void {
    this.#sightings.forget(name);
    this.#lookWithin(SOON_MS);
  }
}

function chooseNextPause({ sighting }: DroppedFile): number {
  return pauseAfter(sighting.failures + 1, RETRY_PAUSES_MS);
}

/** Node reads names as UTF-8 and cannot lead back to one that is something else. */
function notUtf8(name: string, directory: string): AppError {
  return new FileFault('STORAGE_FAILED', `the name ${name} in ${directory} is not UTF-8`, {
    hint: 'Rename the file.',
  });
}

function unfinished({ error, sha256 }: RefusedDrop): RefusedDrop {
  const { code, message } = error;
  if (!ARRIVING.has(code)) return { error, sha256 };
  const hint = 'Drop the whole package again.';
  return { error: new AppError(code, `${message}, and nothing more came`, { hint, cause: error }), sha256 };
}

function ofThisFile({ code, message, hint, cause }: AppError): FileFault {
  return new FileFault(code, message, { hint, cause });
}
