import { randomUUID } from 'node:crypto';
import { linkSync, type Stats } from 'node:fs';
import { lstat, open, readdir, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { makeDirectoryDurable, replaceDurable } from '../base/files/durable-files.ts';
import { AppError, errnoOf } from '../errors.ts';
import { namesIn } from '../base/files/names-in.ts';
import { createOwnedNames, type ReachedLimit } from '../base/limits/owned-names.ts';
import { type OwnerQuota, quotaReached, QUOTAS } from '../base/limits/quotas.ts';
import { readIfThere } from '../base/files/read-if-there.ts';
import { appendPiece, type UploadPiece, repeatLastByte } from './receive/append-piece.ts';
import { longerThanSaid } from './body-errors.ts';
import type { ExpectedDigest } from './spooled-upload.ts';
import type { UploadTerms } from './spooled-upload.ts';

/** What was said when an upload began. */
export interface ResumableFacts {
  readonly lengthBytes: number;
  readonly terms: UploadTerms;
  /** Of the whole. */
  readonly expectedDigests: readonly ExpectedDigest[];
  /** Nobody else may go on with it, or hear that it exists. */
  readonly owner: string;
}

/** An upload that one request has to itself. */
export interface HeldUpload extends ResumableFacts {
  /** Where the client goes on; the whole length only when the package was accepted. */
  readonly offset: number;
  readonly isAccepted: boolean;
  readonly expiresAtMs: number;
  /** Takes a piece that begins at the offset, see appendPiece; the number of bytes that are there now. */
  readonly append: (piece: Omit<UploadPiece, 'signal'>) => Promise<number>;
  /** Gives the whole body a second name. */
  readonly linkTo: (path: string) => void;
  /** Keeps only the knowledge that it was accepted. */
  readonly accept: () => Promise<void>;
  readonly remove: () => Promise<void>;
}

/** Uploads that arrive in pieces, one directory each, until they expire a day after their last byte. */
export interface ResumableUploads {
  /** @throws AppError QUOTA_REACHED. */
  readonly create: (facts: ResumableFacts) => Promise<{ readonly id: string; readonly expiresAtMs: number }>;
  /**
   * Does something with an upload that nobody else does anything with meanwhile. A request that still receives is ended:
   * whoever asks again has lost its connection, which the server may learn of much later.
   * @throws AppError NOT_FOUND, also of what expired or is somebody else's.
   */
  readonly hold: <T>(id: string, owner: string, task: (upload: HeldUpload) => Promise<T>) => Promise<T>;
  /**
   * Removes what has expired, was never begun or is damaged, and accepted uploads that are too many; gives their number. What
   * cannot be removed is logged.
   */
  readonly sweep: () => Promise<number>;
  /** Answers when nothing is done with any upload. */
  readonly settled: () => Promise<void>;
}

export interface ResumableUploadsOptions {
  readonly directory: string;
  readonly log: Pick<Logger, 'warn'>;
  readonly now: () => number;
  readonly quotas?: { readonly unfinished: OwnerQuota; readonly accepted: OwnerQuota };
  /** Removes the directory of an upload, instead of the one of Node. */
  readonly removeFolder?: (path: string) => Promise<void>;
}

/** As long as a spool file may go without a byte. */
export const EXPIRE_MS = 24 * 3_600_000;

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/*
 * <id>/upload.json     what was said when it began
 * <id>/body            what has arrived
 * <id>/accepted.json   takes the place of both when the package was accepted
 *
 * A body that is complete is never written to again: after a fault in the middle of placing it, it may be a published
 * package already. Its last byte does not count until the package is accepted, so that every client sends it again
 * after such a fault, and so asks for the answer again.
 */
export async function openResumableUploads({
  directory,
  log,
  now,
  quotas = { unfinished: QUOTAS.unfinishedUploads, accepted: QUOTAS.acceptedUploads },
  removeFolder = (path) => rm(path, { recursive: true, force: true }),
}: ResumableUploadsOptions): Promise<ResumableUploads> {
  /** The last in the line of each upload. */
  const holders = new Map<string, Holder>();
  const unfinished = createOwnedNames(quotas.unfinished);
  const accepted = createOwnedNames(quotas.accepted);
  await countKept();
  return { create, hold, sweep, settled };

  /** What an earlier process left counts too. */
  async function countKept(): Promise<void> {
    const done: { readonly id: string; readonly owner: string; readonly expiresAtMs: number }[] = [];
    for (const id of await namesIn(directory)) {
      // A damaged one expires like any other, and is told of then.
      const kept = await readKept(pathsOf(directory, id)).catch(() => undefined);
      if (kept === undefined) continue;
      if (kept.isAccepted) done.push({ id, ...kept });
      else unfinished.note(id, kept.owner);
    }
    for (const { id, owner } of done.toSorted((a, b) => a.expiresAtMs - b.expiresAtMs))
      accepted.note(id, owner);
  }

  async function create(
    facts: ResumableFacts,
  ): Promise<{ readonly id: string; readonly expiresAtMs: number }> {
    const id = randomUUID();
    const paths = pathsOf(directory, id);
    const reached = unfinished.claim(id, facts.owner);
    if (reached !== undefined) throw tooManyUnfinished(reached);
    try {
      await makeDirectoryDurable(paths.folder, 0o700);
      await (await open(paths.body, 'wx', 0o600)).close();
      // Last, and with it the names of both: an upload without it was never begun.
      await replaceDurable(paths.begun, JSON.stringify(facts));
    } catch (error) {
      // A failure here must not hide the first one; the sweeper takes what stays.
      await removeFolder(paths.folder).catch(() => undefined);
      unfinished.release(id);
      throw error;
    }
    return { id, expiresAtMs: now() + EXPIRE_MS };
  }

  async function hold<T>(id: string, owner: string, task: (upload: HeldUpload) => Promise<T>): Promise<T> {
    if (!ID.test(id)) throw unknownUpload();
    const paths = pathsOf(directory, id);
    if ((await readKept(paths))?.owner !== owner) throw unknownUpload();
    holders.get(id)?.interruption.abort(tookOver());
    return inTurn(id, async (signal) => {
      const kept = await readKept(paths);
      if (kept === undefined || kept.expiresAtMs <= now()) throw unknownUpload();
      return task(heldOf(id, kept, signal));
    });
  }

  function heldOf(id: string, kept: KeptUpload, signal: AbortSignal): HeldUpload {
    const { sizeBytes, lengthBytes, isAccepted, owner } = kept;
    const paths = pathsOf(directory, id);
    const partial = { path: paths.body, sizeBytes, lengthBytes };
    return {
      ...kept,
      offset: isAccepted ? lengthBytes : Math.min(sizeBytes, lengthBytes - 1),
      append: async (piece) => {
        if (isAccepted) throw longerThanSaid(lengthBytes);
        const receive = sizeBytes < lengthBytes ? appendPiece : repeatLastByte;
        return receive(partial, { ...piece, signal });
      },
      linkTo: (path) => linkSync(paths.body, path),
      accept: async () => {
        await rename(paths.begun, paths.accepted);
        unfinished.release(id);
        accepted.note(id, owner);
        await unlink(paths.body);
        // Not awaited: this upload is accepted, also when another one cannot be removed. settled() waits for the turns.
        void forgetSurplus();
      },
      remove: () => removeUpload(id),
    };
  }

  /** Forgets the oldest of too many accepted uploads: a client that asks for one sends it again, and hears that it is there. */
  async function forgetSurplus(): Promise<number> {
    return sweepEach(accepted.listSurplus(), async (id) => {
      await removeUpload(id);
      return 1;
    });
  }

  async function removeUpload(id: string): Promise<void> {
    await removeFolder(pathsOf(directory, id).folder);
    unfinished.release(id);
    accepted.release(id);
  }

  /** One after the other, in the order of asking. */
  async function inTurn<T>(id: string, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const before = holders.get(id);
    const ended = Promise.withResolvers<void>();
    const mine: Holder = { interruption: new AbortController(), ended: ended.promise };
    holders.set(id, mine);
    try {
      await before?.ended;
      return await task(mine.interruption.signal);
    } finally {
      if (holders.get(id) === mine) holders.delete(id);
      ended.resolve();
    }
  }

  async function sweep(): Promise<number> {
    const forgotten = await forgetSurplus();
    return forgotten + (await sweepEach(await readdir(directory), removeWhenExpired));
  }

  /** @param remove has the turn of the upload, and gives the number of what it removed. */
  async function sweepEach(ids: readonly string[], remove: (id: string) => Promise<number>): Promise<number> {
    let removed = 0;
    for (const id of ids) {
      // A request does something with it.
      if (holders.has(id)) continue;
      try {
        removed += await inTurn(id, () => remove(id));
      } catch (error) {
        // The others must not stay for it.
        log.warn({ err: error, upload: id }, 'an upload in pieces was not swept');
      }
    }
    return removed;
  }

  async function removeWhenExpired(id: string): Promise<number> {
    if ((await findExpiry(pathsOf(directory, id))) > now()) return 0;
    await removeUpload(id);
    return 1;
  }

  async function findExpiry(paths: UploadPaths): Promise<number> {
    try {
      const kept = await readKept(paths);
      if (kept !== undefined) return kept.expiresAtMs;
    } catch (error) {
      log.warn(
        { err: error, path: paths.folder },
        'an upload in pieces is damaged; it is removed when it expires',
      );
    }
    // Also of one that is about to begin. The body may be younger: nothing but its name changes the directory.
    const [folder, body] = [await statIfThere(paths.folder), await statIfThere(paths.body)];
    return Math.max(expiryOf(folder), expiryOf(body));
  }

  async function settled(): Promise<void> {
    while (holders.size > 0) await Promise.all([...holders.values()].map(({ ended }) => ended));
  }
}

/** A request that has an upload to itself, or waits for the one before it. */
interface Holder {
  readonly interruption: AbortController;
  readonly ended: Promise<void>;
}

interface UploadPaths {
  readonly folder: string;
  readonly begun: string;
  readonly body: string;
  readonly accepted: string;
}

function pathsOf(directory: string, id: string): UploadPaths {
  const folder = join(directory, id);
  return {
    folder,
    begun: join(folder, 'upload.json'),
    body: join(folder, 'body'),
    accepted: join(folder, 'accepted.json'),
  };
}

/** What is on the disk of an upload. */
interface KeptUpload extends ResumableFacts {
  readonly sizeBytes: number;
  readonly isAccepted: boolean;
  readonly expiresAtMs: number;
}

async function readKept(paths: UploadPaths): Promise<KeptUpload | undefined> {
  const begun = await readIfThere(paths.begun);
  const body = await statIfThere(paths.body);
  if (begun !== undefined && body !== undefined) {
    return { ...parseFacts(begun), sizeBytes: body.size, isAccepted: false, expiresAtMs: expiryOf(body) };
  }
  // Looked for last: it may just have taken the place of what was looked for above.
  const accepted = await readIfThere(paths.accepted);
  if (accepted === undefined) return undefined;
  const facts = parseFacts(accepted);
  // The directory changed when it was accepted.
  const expiresAtMs = expiryOf(await statIfThere(paths.folder));
  return { ...facts, sizeBytes: facts.lengthBytes, isAccepted: true, expiresAtMs };
}

/** Our own file, which replaceDurable wrote whole. */
function parseFacts(text: string): ResumableFacts {
  const { lengthBytes, terms, expectedDigests, owner }: ResumableFacts = JSON.parse(text);
  return { lengthBytes, terms, expectedDigests, owner };
}

function expiryOf(stats: Stats | undefined): number {
  return (stats?.mtimeMs ?? 0) + EXPIRE_MS;
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

function unknownUpload(): AppError {
  return new AppError('NOT_FOUND', 'there is no such upload', {
    hint: 'Begin a new one: it ended, or nothing came for a day.',
  });
}

function tooManyUnfinished({ by, limit }: ReachedLimit): AppError {
  return quotaReached({
    quota: 'unfinishedUploads',
    limit,
    detail: `${by} may have ${limit} unfinished resumable uploads, and so many are there`,
    hint: 'Finish some of them, delete them (DELETE), or wait until they expire, a day after their last byte.',
  });
}

function tookOver(): AppError {
  return new AppError('BODY_INCOMPLETE', 'another request for this upload took the place of this one', {
    hint: 'Send an upload from one place at a time.',
  });
}
