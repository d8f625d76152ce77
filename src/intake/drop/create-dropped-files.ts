import { type BigIntStats } from 'node:fs';
import { access, constants, lstat, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { ifThere } from '../../base/files/if-there.ts';
import type { AuditFacts } from '../../trust/audit-log.ts';
import { AppError, errnoOf, type ErrorCode, printable, toAppError } from '../../errors.ts';
import { createLineBudgets } from '../../base/limits/line-budget.ts';
import { pauseAfter } from '../../base/turns/pause-after.ts';
import { FileFault } from './file-fault.ts';
import { nextStep, type SettleRules, type Sighting, type Verdict } from './next-step.ts';
import { moveToRejected, REJECTED_DIRECTORY, type RefusedDrop } from './move-to-rejected.ts';
import {
  droppedIdentityOf,
  type Reach,
  readFaultOf,
  type TakeParts,
  takeDroppedFile,
} from './take-dropped-file.ts';
import type { UploadOutcome } from '../../api/upload-outcome.ts';

export interface DroppedFilesParts extends TakeParts {
  /** The drop directory. */
  readonly path: string;
  readonly rules: SettleRules;
  readonly audit: (facts: AuditFacts & { readonly ownerUid: number }) => void;
  /** Told of every attempt: 'created', 'unchanged' or the error code, and the bytes that were accepted. */
  readonly countUpload: (outcome: string, sizeBytes: number) => void;
  readonly log: Logger;
  readonly now: () => number;
  /** Instead of the one of Node. */
  readonly lstat?: LstatBigInt;
}

type LstatBigInt = (path: string, options: { readonly bigint: true }) => Promise<BigIntStats>;

/** What is known of the files in the drop directory; it outlasts neither the process nor the files. */
export interface DroppedFiles {
  /**
   * Looks at one and does what its time has come for. When it is to be looked at again, `lookWithin` is told.
   * @returns 'blocked' when a fault of ours kept it from being taken that the next file would most likely meet too.
   */
  readonly lookAt: (name: string) => Promise<'done' | 'blocked'>;
  /** Forgets the others. */
  readonly keepOnly: (names: ReadonlySet<string>) => void;
  /** What keeps files from being worked off that is no fault of a single one. */
  readonly findFault: () => AppError | undefined;
  /** The files that cannot be worked off for a fault of their own. */
  readonly countStuck: () => number;
}

/** Before the second, third, ... attempt at a file that could not be taken, moved or removed. */
const RETRY_PAUSES_MS = [10_000, 30_000, 60_000, 300_000];
// The whole file is copied before its repository is known, and a quota of a day rarely has room sooner.
const QUOTA_PAUSE_MS = 3_600_000;
const SOON_MS = 100;
const ARRIVING: ReadonlySet<ErrorCode> = new Set(['RPM_TRUNCATED', 'EMPTY_BODY']);
// Of a body that a client sends, these blame the client; of a file, they never do.
const BROKEN_OFF: ReadonlySet<ErrorCode> = new Set(['BODY_INCOMPLETE', 'UPLOAD_STALLED']);

// Files that are refused can be dropped as fast as they can be made. The reason lies beside each of them too.
const LOGGED = { burst: 500, perMinute: 20 };
// These may come of what is in the very file: the next one is tried all the same.
const OF_ONE_FILE: ReadonlySet<ErrorCode> = new Set([
  'INTERNAL',
  'PACKAGE_SIGNING_FAILED',
  'SIGNING_TOOL_FAILED',
]);
// The disk or the mount that the drop directory lies on answers these.
const OF_DISK: ReadonlySet<string> = new Set(['EIO', 'ENOSPC', 'EDQUOT', 'EROFS']);
const STICKY = 0o1000n;

const REPLACEMENT_CHARACTER = '\ufffd';

interface DroppedFile {
  readonly name: string;
  readonly path: string;
  readonly stats: BigIntStats;
  readonly sighting: Sighting;
}

/** Why a file stays where it is, and how long before it is tried again. */
interface Stay {
  readonly fault: AppError;
  readonly cause: string;
  readonly pauseMs: number;
}

/**
 * @param lookWithin told when something is to be looked at again; the files are then looked at in turn.
 */
export function createDroppedFiles(
  parts: DroppedFilesParts,
  reach: Reach,
  lookWithin: (delayMs: number) => void,
): DroppedFiles {
  const { now } = parts;
  const { calls, signal } = reach;
  const sightings = new Map<string, Sighting>();
  const toldFaults = new Set<string>();
  const lines = createLineBudgets<'all'>(LOGGED, 'notLogged', now);

  return {
    lookAt,
    keepOnly: (names) => {
      for (const name of sightings.keys()) if (!names.has(name)) sightings.delete(name);
      if (sightings.values().every(({ fault }) => fault === undefined)) toldFaults.clear();
    },
    findFault: () => faults().find((fault) => !(fault instanceof FileFault)),
    countStuck: () => faults().filter((fault) => fault instanceof FileFault).length,
  };

  function faults(): readonly AppError[] {
    return [...sightings.values()].flatMap(({ fault }) => fault ?? []);
  }

  async function lookAt(name: string): Promise<'done' | 'blocked'> {
    const path = join(parts.path, name);
    const stats = await look(path).catch((error: unknown) => readFaultOf(path, error));
    // A mount that does not answer: the next one would not be seen either.
    if (stats instanceof AppError && !(stats instanceof FileFault)) throw stats;
    if (stats instanceof AppError) noteUnseen(name, stats);
    else if (stats === undefined && name.includes(REPLACEMENT_CHARACTER)) noteUnseen(name, notUtf8(name));
    if (stats === undefined || stats instanceof AppError) return 'done';
    const identity = droppedIdentityOf(stats);
    const known = sightings.get(name);
    const sighting =
      known?.identity === identity ? known : { identity, sinceMs: now(), failures: 0, retryAtMs: 0 };
    sightings.set(name, sighting);
    const file: DroppedFile = { name, path, stats, sighting };
    const step = nextStep({ stats, sighting, rules: parts.rules, nowMs: now() });
    if (step.do === 'take') return take(file);
    if (step.do === 'wait') lookWithin(step.untilMs - now());
    else if (step.do === 'remove') await remove(file);
    else if (step.do === 'move away') await moveAway(file, step.refusal);
    else await refuse(file, unfinished(step.refusal));
    return 'done';
  }

  async function take(file: DroppedFile): Promise<'done' | 'blocked'> {
    const result = await takeDroppedFile(file, parts, reach);
    if (result.kind === 'failed') return passOn(file, result);
    if (result.kind === 'read fault') countFault(file, result.error);
    else if (result.kind === 'unreadable') awaitRest(file, { error: result.error, sha256: undefined });
    else if (result.kind === 'taken') await acknowledge(file, result.outcome);
    else lookAgain(file);
    return 'done';
  }

  async function passOn(file: DroppedFile, refusal: RefusedDrop): Promise<'done' | 'blocked'> {
    const { error, sha256 } = refusal;
    const isBrokenOff = BROKEN_OFF.has(error.code);
    if (signal.aborted && isBrokenOff) return 'done';
    if (error.code === 'QUOTA_REACHED') {
      // The next file may be for a repository that is there.
      countFault(file, ofThisFile(error), QUOTA_PAUSE_MS);
      return 'done';
    }
    if (OF_ONE_FILE.has(error.code)) {
      countFault(file, ofThisFile(error));
      return 'done';
    }
    if (error.statusCode >= 500 || isBrokenOff) {
      countFault(file, error);
      return 'blocked';
    }
    if (ARRIVING.has(error.code)) awaitRest(file, { error, sha256 });
    else await refuse(file, { error, sha256 });
    return 'done';
  }

  function countFault(file: DroppedFile, fault: AppError, pauseMs = nextPauseOf(file)): void {
    parts.countUpload(fault.code, 0);
    noteFault(file, { fault, cause: `${fault.code} ${fault.message}`, pauseMs });
  }

  function awaitRest(file: DroppedFile, refusal: RefusedDrop): void {
    judge(file, { kind: 'arriving', refusal });
    lookWithin(SOON_MS);
  }

  async function acknowledge(file: DroppedFile, outcome: UploadOutcome): Promise<void> {
    const { nevra, sha256, sizeBytes, warnings, places } = outcome;
    const repositories = places.map(({ repository }) => repository);
    const facts = { nevra, sha256, sizeBytes, repositories };
    parts.countUpload(outcome.outcome, sizeBytes);
    parts.audit({ outcome: outcome.outcome, ...originOf(file), ...facts });
    parts.log.info(
      { ...originOf(file), ...facts, ...(warnings && { warnings }) },
      `package ${outcome.outcome}`,
    );
    await remove(judge(file, { kind: 'taken' }));
  }

  async function remove(file: DroppedFile): Promise<void> {
    await whileSame(file, 'removed', () => unlink(file.path));
  }

  async function refuse(file: DroppedFile, refusal: RefusedDrop): Promise<void> {
    const { code, message, hint } = refusal.error;
    const { sha256 } = refusal;
    const digest = sha256 === undefined ? {} : { sha256 };
    parts.countUpload(code, 0);
    parts.audit({ outcome: code, detail: message, ...originOf(file), ...digest });
    const facts = { ...originOf(file), ...digest, code, detail: message, hint };
    tell((more) => parts.log.warn({ ...facts, ...more }, 'dropped file refused'));
    await moveAway(judge(file, { kind: 'refused', refusal }), refusal);
  }

  async function moveAway(file: DroppedFile, refusal: RefusedDrop): Promise<void> {
    await whileSame(file, `moved to ${REJECTED_DIRECTORY}`, () =>
      moveToRejected({ directory: parts.path, name: file.name, refusal, nowMs: now() }),
    );
  }

  /**
   * Does something to the name that leads to what was read; what took its place meanwhile is looked at instead. Between
   * the question and the deed is less than a millisecond, in which nobody replaces a file that lay here for seconds.
   */
  async function whileSame(file: DroppedFile, deed: string, act: () => Promise<void>): Promise<void> {
    try {
      if (!(await isStillThere(file))) return lookAgain(file);
      await calls.within(act);
      sightings.delete(file.name);
    } catch (error) {
      // It may also be `rejected` that somebody removed.
      const isGone = errnoOf(error) === 'ENOENT' && !(await isStillThere(file).catch(() => true));
      if (isGone) return lookAgain(file);
      // The verdict is known: it waits, without being read again.
      const fault = await notPossible(file.path, deed, error);
      noteFault(file, { fault, cause: `${file.name} ${deed}`, pauseMs: nextPauseOf(file) });
    }
  }

  async function isStillThere({ path, sighting }: DroppedFile): Promise<boolean> {
    const stats = await look(path);
    return stats !== undefined && droppedIdentityOf(stats) === sighting.identity;
  }

  function look(path: string): Promise<BigIntStats | undefined> {
    return calls.within(() => ifThere((parts.lstat ?? lstat)(path, { bigint: true })));
  }

  function lookAgain({ name }: DroppedFile): void {
    sightings.delete(name);
    lookWithin(SOON_MS);
  }

  function noteUnseen(name: string, fault: AppError): void {
    const isTold = sightings.get(name)?.fault?.message === fault.message;
    const { code, hint } = fault;
    if (!isTold) tellFault({ file: printable(name), code, hint, err: fault });
    sightings.set(name, { identity: '', sinceMs: now(), fault, failures: 1, retryAtMs: 0 });
  }

  function tellFault(facts: object): void {
    tell((more) => parts.log.error({ ...facts, ...more }, 'dropped file stays where it is'));
  }

  /** `notLogged` of a line says how many were left out before it. */
  function tell(log: (more: { readonly notLogged?: number }) => void): void {
    const leftOut = lines.take('all');
    if (leftOut !== undefined) log(leftOut);
  }

  /** Node reads names as UTF-8 and cannot lead back to one that is something else. */
  function notUtf8(name: string): AppError {
    return new FileFault('STORAGE_FAILED', `the name ${name} in ${parts.path} is not UTF-8`, {
      hint: 'Rename the file.',
    });
  }

  async function notPossible(path: string, deed: string, cause: unknown): Promise<AppError> {
    if (cause instanceof AppError) return cause;
    const errno = errnoOf(cause) ?? '';
    const { code } = toAppError(cause);
    const message = `${path} cannot be ${deed} (${errno || 'no reason given'})`;
    const hint =
      'The user of the service must own the drop directory, or may write to it and it has no sticky bit.';
    const isOfDirectory = OF_DISK.has(errno) || !(await mayRemove().catch(() => false));
    const Fault = isOfDirectory ? AppError : FileFault;
    return new Fault(code, message, { hint, cause });
  }

  /** Whether files can be removed from the directory, whatever is the matter with one of them. @throws what a look at it throws. */
  async function mayRemove(): Promise<boolean> {
    const { mode, uid } = await calls.within(() => stat(parts.path, { bigint: true }));
    const isOwner = Number(uid) === process.geteuid?.();
    if ((mode & STICKY) !== 0n && !isOwner) return false;
    return calls.within(() =>
      access(parts.path, constants.W_OK | constants.X_OK).then(
        () => true,
        () => false,
      ),
    );
  }

  function judge(file: DroppedFile, verdict: Verdict): DroppedFile {
    const sighting: Sighting = { ...withoutFault(file.sighting), verdict, failures: 0, retryAtMs: 0 };
    sightings.set(file.name, sighting);
    return { ...file, sighting };
  }

  /** Faults of one cause are told of once. */
  function noteFault({ name, sighting, stats }: DroppedFile, { fault, cause, pauseMs }: Stay): void {
    const retryAtMs = now() + pauseMs;
    sightings.set(name, { ...sighting, fault, failures: sighting.failures + 1, retryAtMs });
    if (toldFaults.has(cause)) return;
    toldFaults.add(cause);
    const { code, hint } = fault;
    tellFault({ ...originOf({ name, stats }), code, hint, err: fault });
  }
}

function nextPauseOf({ sighting }: DroppedFile): number {
  return pauseAfter(sighting.failures + 1, RETRY_PAUSES_MS);
}

function originOf({ name, stats }: Pick<DroppedFile, 'name' | 'stats'>): {
  readonly file: string;
  readonly ownerUid: number;
} {
  return { file: printable(name), ownerUid: Number(stats.uid) };
}

function withoutFault({ identity, sinceMs }: Sighting): Pick<Sighting, 'identity' | 'sinceMs'> {
  return { identity, sinceMs };
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
