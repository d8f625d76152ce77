import type { BigIntStats } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../../base/files/if-there.ts';
import { AppError, errnoOf, toAppError } from '../../errors.ts';
import type { DroppedFile } from './dropped-file.ts';
import { FileFault } from './file-fault.ts';
import type { MountCalls } from './mount-calls.ts';
import { identifyDropped, type FileCalls } from './take-dropped-file.ts';

// The disk or the mount that the drop directory lies on answers these.
const OF_DISK: ReadonlySet<string> = new Set(['EIO', 'ENOSPC', 'EDQUOT', 'EROFS']);
const STICKY = 0o1000n;

/** Looks at the drop directory and the names in it. */
export class DropFolder {
  readonly path: string;
  readonly #calls: MountCalls;
  readonly #lstat: FileCalls['lstat'];

  constructor(path: string, calls: MountCalls, { lstat }: Pick<FileCalls, 'lstat'>) {
    this.path = path;
    this.#calls = calls;
    this.#lstat = lstat;
  }

  /** Facts of what has this name, not of what a link leads to; undefined when nothing has it. */
  look(name: string): Promise<BigIntStats | undefined> {
    return this.#calls.within(() => ifThere(this.#lstat(join(this.path, name), { bigint: true })));
  }

  /** Whether the name still leads to the very file that was looked at. */
  async isStillThere({ name, sighting }: DroppedFile): Promise<boolean> {
    const stats = await this.look(name);
    return stats !== undefined && identifyDropped(stats) === sighting.identity;
  }

  /**
   * Why a file could not be removed or moved: a FileFault, unless no other file could be either.
   * @param deed what was tried, as a participle.
   */
  async explain({ path }: DroppedFile, deed: string, cause: unknown): Promise<AppError> {
    if (cause instanceof AppError) return cause;
    const errno = errnoOf(cause) ?? '';
    const { code } = toAppError(cause);
    const message = `${path} cannot be ${deed} (${errno || 'no reason given'})`;
    const hint =
      'The user of the service must own the drop directory, or may write to it and it has no sticky bit.';
    const isOfDirectory = OF_DISK.has(errno) || !(await this.#mayRemove().catch(() => false));
    const Fault = isOfDirectory ? AppError : FileFault;
    return new Fault(code, message, { hint, cause });
  }

  /**
   * Whether files can be removed from the directory, apart from the fault of one file.
   * @throws the error of a look at it.
   */
  async #mayRemove(): Promise<boolean> {
    const { mode, uid } = await this.#calls.within(() => stat(this.path, { bigint: true }));
    const isOwner = Number(uid) === process.geteuid?.();
    if ((mode & STICKY) !== 0n && !isOwner) return false;
    return this.#calls.within(() =>
      access(this.path, constants.W_OK | constants.X_OK).then(
        () => true,
        () => false,
      ),
    );
  }
}
