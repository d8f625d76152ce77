import type { OwnerQuota } from './quotas.ts';

/** Names, each with its owner, in the order in which they came. */
export interface OwnedNames {
  /** Adds a name. @returns the limit that keeps a new name out; undefined when the name is there. */
  readonly claim: (name: string, owner: string) => ReachedLimit | undefined;
  /**
   * Adds a name, even above the quota.
   * @param owner undefined: no owner has it, so it only counts for all of them together.
   */
  readonly note: (name: string, owner: string | undefined) => void;
  readonly release: (name: string) => void;
  readonly ownerOf: (name: string) => string | undefined;
  /** The oldest names, as many as there are too many: of each owner first, then of all together. */
  readonly listSurplus: () => readonly string[];
}

/** A limit of a quota that is reached, and by whom. */
export interface ReachedLimit {
  readonly by: 'one owner' | 'all owners together';
  readonly limit: number;
}

export function createOwnedNames(quota: OwnerQuota): OwnedNames {
  const owners = new Map<string, string | undefined>();
  const namesByOwner = new Map<string, Set<string>>();

  return { claim, note, release, ownerOf: (name) => owners.get(name), listSurplus };

  function claim(name: string, owner: string): ReachedLimit | undefined {
    if (owners.has(name)) return undefined;
    const { each, together } = quota;
    if ((namesByOwner.get(owner)?.size ?? 0) >= each) return { by: 'one owner', limit: each };
    if (owners.size >= together) return { by: 'all owners together', limit: together };
    note(name, owner);
    return undefined;
  }

  function note(name: string, owner: string | undefined): void {
    release(name);
    owners.set(name, owner);
    if (owner === undefined) return;
    const names = namesByOwner.get(owner) ?? new Set();
    namesByOwner.set(owner, names.add(name));
  }

  function release(name: string): void {
    const owner = owners.get(name);
    owners.delete(name);
    if (owner === undefined) return;
    const names = namesByOwner.get(owner);
    names?.delete(name);
    if (names?.size === 0) namesByOwner.delete(owner);
  }

  function listSurplus(): readonly string[] {
    const surplus = [...namesByOwner.values()].flatMap((names) => oldest(names, names.size - quota.each));
    const listed = new Set(surplus);
    const others = [...owners.keys()].filter((name) => !listed.has(name));
    return [...surplus, ...oldest(others, others.length - quota.together)];
  }
}

function oldest(names: Iterable<string>, count: number): readonly string[] {
  return count <= 0 ? [] : [...names].slice(0, count);
}
