import { existsSync, lstatSync } from 'node:fs';
import { repositoriesOf } from '../batch-store.ts';
import type { IndexQueue } from '../index-queue.ts';
import type { DecidedMember, IncomingPackage, Placement, Places, TargetState } from '../places.ts';
import type { Receipt } from '../records.ts';
import type { Target } from '../repository-layout.ts';
import type { PlacesOptions } from '../storage.ts';
import { placeAndRecord } from './place-and-record.ts';
import { placeDecidedBatch, type PlaceDecidedParts } from './place-decided.ts';
import { lookAtTargets, type StoredFacts } from './place-package.ts';

/** Places in directories: a package is a hard link below its repository's directory, its receipt a row of the records. */
export class LocalPlaces implements Places {
  readonly #parts: PlaceDecidedParts;
  readonly #queue: Pick<IndexQueue, 'whileMarked'>;
  readonly #stored: StoredFacts;

  constructor(parts: PlaceDecidedParts, { queue, describe }: PlacesOptions) {
    this.#parts = parts;
    this.#queue = queue;
    this.#stored = {
      describe,
      acknowledgedAt: ({ repository, location }) => parts.records.receiptAt(repository, location),
    };
  }

  look(incoming: IncomingPackage): Promise<readonly TargetState[]> {
    return lookAtTargets(incoming, this.#stored, this.#parts.files);
  }

  async has(target: Target): Promise<boolean> {
    return existsSync(this.#parts.files.pathOf(target));
  }

  async isAltered(target: Target): Promise<boolean> {
    const acknowledged = await this.#stored.acknowledgedAt(target);
    if (acknowledged === undefined || !(await this.has(target))) return false;
    return (await this.#parts.files.sha256Of(target)) !== acknowledged.sha256;
  }

  async fileAt(target: Target): Promise<string | undefined> {
    const path = this.#parts.files.pathOf(target);
    return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true ? path : undefined;
  }

  prepare(path: string): Promise<void> {
    return this.#parts.files.prepare(path);
  }

  async confirm(targets: readonly Target[]): Promise<void> {
    await Promise.all(targets.map((target) => this.#parts.files.sync(target)));
  }

  place(placements: readonly Placement[]): Promise<readonly Receipt[]> {
    const repositories = repositoriesOf(placements.map(({ file }) => file));
    return this.#queue.whileMarked(repositories, () => placeAndRecord(placements, this.#parts));
  }

  commit(id: string, members: readonly DecidedMember[]): Promise<void> {
    return this.#queue.whileMarked(repositoriesOf(members), async () => {
      await this.#parts.folders.decide(id, members);
      await placeDecidedBatch(id, this.#parts);
    });
  }

  async complete(id: string): Promise<void> {
    const batch = await this.#parts.folders.read(id);
    if (batch?.state !== 'committing') return;
    await this.#queue.whileMarked(repositoriesOf(batch.members), () => placeDecidedBatch(id, this.#parts));
  }
}
