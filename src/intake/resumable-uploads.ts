import { randomUUID } from 'node:crypto';
import { linkSync } from 'node:fs';
import { open, readdir, rename, rm, unlink } from 'node:fs/promises';
import type { Logger } from 'pino';
import { makeDirectoryDurable, replaceDurable } from '../base/files/durable-files.ts';
import { namesIn } from '../base/files/names-in.ts';
import { createOwnedNames, type OwnedNames, type ReachedLimit } from '../base/limits/owned-names.ts';
import { type OwnerQuota, quotaReached, QUOTAS } from '../base/limits/quotas.ts';
import { UUID_PATTERN } from '../base/text/uuid-pattern.ts';
import { KeyedTurns } from '../base/turns/take-turns.ts';
import { AppError } from '../errors.ts';
import { longerThanSaid } from './body-errors.ts';
import { appendPiece, type UploadPiece, repeatLastByte } from './receive/append-piece.ts';
import {
  EXPIRE_MS,
  expiryOfRemains,
  type KeptUpload,
  readKeptUpload,
  type UploadPaths,
  uploadPaths,
} from './receive/kept-upload.ts';
import type { ResumableFacts } from './resumable-facts.ts';

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
  /** Keeps only the fact that it was accepted. */
  readonly accept: () => Promise<void>;
  readonly remove: () => Promise<void>;
}

export interface ResumableUploadsOptions {
  readonly directory: string;
  readonly log: Pick<Logger, 'warn'>;
  readonly now: () => number;
  readonly quotas?: { readonly unfinished: OwnerQuota; readonly accepted: OwnerQuota };
  /** Removes the directory of an upload, instead of the one of Node. */
  readonly removeFolder?: (path: string) => Promise<void>;
}

const ID = new RegExp(`^${UUID_PATTERN}$`);

/**
 * Uploads that arrive in pieces, one directory each, until they expire a day after their last byte.
 *
 * A body that is complete is never written to again: after a fault in the middle of placing it, it may be a published
 * package already. Its last byte does not count until the package is accepted, so that every client sends it again
 * after such a fault, and so asks for the answer again.
 */
export class ResumableUploads {
  readonly #directory: string;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #now: () => number;
  readonly #removeFolder: (path: string) => Promise<void>;
  readonly #turns = new KeyedTurns();
  /** Ends the last in the line of each upload. */
  readonly #interruptions = new Map<string, AbortController>();
  readonly #unfinished: OwnedNames;
  readonly #accepted: OwnedNames;

  private constructor(options: ResumableUploadsOptions) {
    const { quotas } = options;
    this.#directory = options.directory;
    this.#log = options.log;
    this.#now = options.now;
    this.#removeFolder = options.removeFolder ?? ((path) => rm(path, { recursive: true, force: true }));
    this.#unfinished = createOwnedNames(quotas?.unfinished ?? QUOTAS.unfinishedUploads);
    this.#accepted = createOwnedNames(quotas?.accepted ?? QUOTAS.acceptedUploads);
  }

  /** Counts what an earlier process left. */
  static async open(options: ResumableUploadsOptions): Promise<ResumableUploads> {
    const uploads = new ResumableUploads(options);
    await uploads.#countKept();
    return uploads;
  }

  /** @throws AppError QUOTA_REACHED. */
  async create(facts: ResumableFacts): Promise<{ readonly id: string; readonly expiresAtMs: number }> {
    const id = randomUUID();
    const paths = this.#locateUpload(id);
    const reached = this.#unfinished.claim(id, facts.owner);
    if (reached !== undefined) throw tooManyUnfinished(reached);
    try {
      await makeDirectoryDurable(paths.folder, 0o700);
      await (await open(paths.body, 'wx', 0o600)).close();
      // Last, and with it the names of both: an upload without it was never begun.
      await replaceDurable(paths.begun, JSON.stringify(facts));
    } catch (error) {
      // A failure here must not hide the first one; the sweeper takes what stays.
      await this.#removeFolder(paths.folder).catch(() => undefined);
      this.#unfinished.release(id);
      throw error;
    }
    return { id, expiresAtMs: this.#now() + EXPIRE_MS };
  }

  /**
   * Does something with an upload that no other request does anything with meanwhile. A request that still receives is ended:
   * a client that asks again has lost its connection, which the server may learn of much later.
   * @throws AppError NOT_FOUND, also of what expired or has another owner.
   */
  async hold<T>(id: string, owner: string, task: (upload: HeldUpload) => Promise<T>): Promise<T> {
    if (!ID.test(id)) throw unknownUpload();
    const paths = this.#locateUpload(id);
    if ((await readKeptUpload(paths))?.owner !== owner) throw unknownUpload();
    this.#interruptions.get(id)?.abort(tookOver());
    const interruption = new AbortController();
    this.#interruptions.set(id, interruption);
    try {
      return await this.#turns.take(id, async () => {
        const kept = await readKeptUpload(paths);
        if (kept === undefined || kept.expiresAtMs <= this.#now()) throw unknownUpload();
        return task(this.#holdUpload(id, kept, interruption.signal));
      });
    } finally {
      if (this.#interruptions.get(id) === interruption) this.#interruptions.delete(id);
    }
  }

  /**
   * Removes uploads that have expired, were never begun or are damaged, and accepted ones that are too many; gives
   * their number. Failures to remove are logged.
   */
  async sweep(): Promise<number> {
    const forgotten = await this.#forgetSurplus();
    return (
      forgotten + (await this.#sweepEach(await readdir(this.#directory), (id) => this.#removeExpired(id)))
    );
  }

  /** Returns when no request uses any upload. */
  settled(): Promise<void> {
    return this.#turns.settled();
  }

  async #countKept(): Promise<void> {
    const done: { readonly id: string; readonly owner: string; readonly expiresAtMs: number }[] = [];
    for (const id of await namesIn(this.#directory)) {
      // A damaged upload expires like any other, and is reported then.
      const kept = await readKeptUpload(this.#locateUpload(id)).catch(() => undefined);
      if (kept === undefined) continue;
      if (kept.isAccepted) done.push({ id, ...kept });
      else this.#unfinished.note(id, kept.owner);
    }
    for (const { id, owner } of done.toSorted((a, b) => a.expiresAtMs - b.expiresAtMs)) {
      this.#accepted.note(id, owner);
    }
  }

  #holdUpload(id: string, kept: KeptUpload, signal: AbortSignal): HeldUpload {
    const { sizeBytes, lengthBytes, isAccepted, owner } = kept;
    const paths = this.#locateUpload(id);
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
        this.#unfinished.release(id);
        this.#accepted.note(id, owner);
        await unlink(paths.body);
        // Not awaited: this upload is accepted, also when another one cannot be removed. settled() waits for the turns.
        void this.#forgetSurplus();
      },
      remove: () => this.#remove(id),
    };
  }

  /** Forgets the oldest of too many accepted uploads: a client that asks for one sends it again, and hears that it is there. */
  #forgetSurplus(): Promise<number> {
    return this.#sweepEach(this.#accepted.listSurplus(), async (id) => {
      await this.#remove(id);
      return 1;
    });
  }

  /** @param remove has the turn of the upload, and gives the number of what it removed. */
  async #sweepEach(ids: readonly string[], remove: (id: string) => Promise<number>): Promise<number> {
    let removed = 0;
    for (const id of ids) {
      // The upload is in use by a request.
      if (this.#turns.isTaken(id)) continue;
      try {
        removed += await this.#turns.take(id, () => remove(id));
      } catch (error) {
        // A failure must not keep the others.
        this.#log.warn({ err: error, upload: id }, 'an upload in pieces was not swept');
      }
    }
    return removed;
  }

  async #removeExpired(id: string): Promise<number> {
    if ((await this.#findExpiry(this.#locateUpload(id))) > this.#now()) return 0;
    await this.#remove(id);
    return 1;
  }

  async #findExpiry(paths: UploadPaths): Promise<number> {
    try {
      const kept = await readKeptUpload(paths);
      if (kept !== undefined) return kept.expiresAtMs;
    } catch (error) {
      this.#log.warn(
        { err: error, path: paths.folder },
        'an upload in pieces is damaged; it is removed when it expires',
      );
    }
    return expiryOfRemains(paths);
  }

  async #remove(id: string): Promise<void> {
    await this.#removeFolder(this.#locateUpload(id).folder);
    this.#unfinished.release(id);
    this.#accepted.release(id);
  }

  #locateUpload(id: string): UploadPaths {
    return uploadPaths(this.#directory, id);
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
