import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { GpgHome } from '../../base/config/load.ts';
import { type Keyring, makeKeyringFrom } from '../keyring.ts';
import { exportPresentKeys } from './export-keys.ts';

/** The public keys that may have signed, as gpgv takes them: made when they are first used, and anew when they are renewed. */
export class OwnKeyring {
  readonly #home: GpgHome;
  readonly #keys: readonly string[];
  readonly #directory: string;
  #current: Promise<Keyring | undefined> | undefined;
  #madeCount = 0;

  /** @param directory that nothing else uses. */
  constructor(home: GpgHome, keys: readonly string[], directory: string) {
    this.#home = home;
    this.#keys = keys;
    this.#directory = directory;
  }

  /** How many were made so far. */
  get madeCount(): number {
    return this.#madeCount;
  }

  /** @returns undefined as long as none of the keys is there. @throws what making it or the task throws. */
  async use<Result>(task: (keyring: Keyring) => Promise<Result>): Promise<Result | undefined> {
    this.#current ??= this.#make();
    const current = this.#current;
    try {
      const keyring = await current;
      if (keyring !== undefined) return await task(keyring);
    } catch (error) {
      this.#forget(current);
      throw error;
    }
    // An administrator may add a key while the service runs.
    this.#forget(current);
    return undefined;
  }

  /** Has the next use make it anew, unless it was made since `madeCount` was read. */
  renew(madeCount: number): void {
    if (madeCount === this.#madeCount) this.#current = undefined;
  }

  #forget(keyring: Promise<Keyring | undefined>): void {
    if (this.#current === keyring) this.#current = undefined;
  }

  /**
   * Each keyring has a directory of its own: a verification may still read the one before, but hardly the one before
   * that.
   */
  async #make(): Promise<Keyring | undefined> {
    this.#madeCount += 1;
    const number = this.#madeCount;
    const former = number === 1 ? this.#directory : join(this.#directory, String(number - 2));
    await rm(former, { recursive: true, force: true });
    // Made of the keys that are there: a missing one must not hide what the others signed.
    const armored = await exportPresentKeys(this.#home, this.#keys);
    return armored === undefined
      ? undefined
      : makeKeyringFrom(armored, join(this.#directory, String(number)));
  }
}
