import type { Trust } from './index-engine.ts';

/** What a run of one repository has to look at. */
export interface RepositoryChanges {
  readonly trust: Trust;
  /** Location -> sha256 of the packages placed since the last run. */
  readonly placed: ReadonlyMap<string, string>;
}

// From the most to the least.
const TRUSTS: readonly Trust[] = ['names', 'files', 'nothing'];

/**
 * What this process knows to have changed in each repository since its last successful run, so that one more package
 * does not cost a look at all others. A repository it has not indexed yet may have changed in any way.
 */
export class PendingChanges {
  readonly #changes = new Map<string, { trust: Trust; placed: Map<string, string> }>();

  /** A package was placed by this process. */
  notePlaced(repository: string, location: string, sha256: string): void {
    this.#of(repository).placed.set(location, sha256);
  }

  /** Somebody else may have changed something: the next run trusts no more than this. */
  distrust(repository: string, trust: Exclude<Trust, 'names'>): void {
    const changes = this.#of(repository);
    changes.trust = leastOf(changes.trust, trust);
  }

  /** Hands the changes to a run that begins. */
  take(repository: string): RepositoryChanges {
    const taken = this.#of(repository);
    this.#changes.set(repository, { trust: 'names', placed: new Map() });
    return taken;
  }

  /** Takes back what a failed run was to look at. */
  giveBack(repository: string, { trust, placed }: RepositoryChanges): void {
    const since = this.#of(repository);
    since.trust = leastOf(since.trust, trust);
    since.placed = new Map([...placed, ...since.placed]);
  }

  #of(repository: string): { trust: Trust; placed: Map<string, string> } {
    const known = this.#changes.get(repository) ?? { trust: 'files', placed: new Map() };
    this.#changes.set(repository, known);
    return known;
  }
}

function leastOf(a: Trust, b: Trust): Trust {
  return TRUSTS.indexOf(a) > TRUSTS.indexOf(b) ? a : b;
}
