import type { PlacedPackage, PlacedStep } from '../storage/package-names.ts';
import type { Trust } from './index-engine.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** What a run of one repository has to examine. */
export interface RepositoryChanges {
  readonly trust: Trust;
  /** Location -> sha256 of the packages placed since the last run. */
  readonly placed: ReadonlyMap<string, string>;
  /** What placing them did to their directories, in any order. */
  readonly steps: readonly PlacedStep[];
  /** A person said that the packages on disk should be published, even against the index of another program. */
  readonly isTakeOver: boolean;
}

interface Gathered {
  trust: Trust;
  placed: Map<string, string>;
  steps: PlacedStep[];
  isTakeOver: boolean;
}

// From the most to the least.
const TRUSTS: readonly Trust[] = ['names', 'files', 'nothing'];

/**
 * The changes in each repository since its last successful run, as far as this process knows them: so one more package
 * does not cost a look at all others. A repository that it has not indexed yet may have changed in any way.
 */
export class PendingChanges {
  readonly #changes = new Map<RepositoryName, Gathered>();

  /** A package was placed by this process. */
  notePlaced(repository: RepositoryName, { location, sha256, step }: PlacedPackage): void {
    const { placed, steps } = this.#of(repository);
    placed.set(location, sha256);
    if (step !== undefined) steps.push({ ...step, location });
  }

  /** Another program may have changed the repository: the next run trusts no more than this. */
  distrust(repository: RepositoryName, trust: Exclude<Trust, 'names'>): void {
    const changes = this.#of(repository);
    changes.trust = pickLeastTrust(changes.trust, trust);
  }

  /** A person decided: the next run publishes the packages that lie on disk. */
  acceptTakeOver(repository: RepositoryName): void {
    this.#of(repository).isTakeOver = true;
  }

  /** Gives the changes to a run that begins. */
  take(repository: RepositoryName): RepositoryChanges {
    const taken = this.#of(repository);
    this.#changes.set(repository, { trust: 'names', placed: new Map(), steps: [], isTakeOver: false });
    return taken;
  }

  /** Takes back the changes of a run that failed. */
  giveBack(repository: RepositoryName, { trust, placed, steps, isTakeOver }: RepositoryChanges): void {
    const since = this.#of(repository);
    since.trust = pickLeastTrust(since.trust, trust);
    since.placed = new Map([...placed, ...since.placed]);
    since.steps = [...steps, ...since.steps];
    since.isTakeOver ||= isTakeOver;
  }

  #of(repository: RepositoryName): Gathered {
    const known = this.#changes.get(repository) ?? {
      trust: 'files',
      placed: new Map(),
      steps: [],
      isTakeOver: false,
    };
    this.#changes.set(repository, known);
    return known;
  }
}

/** The lesser trust of two. */
export function pickLeastTrust(a: Trust, b: Trust): Trust {
  return TRUSTS.indexOf(a) > TRUSTS.indexOf(b) ? a : b;
}
