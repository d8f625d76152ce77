import { type OwnerQuota, quotaReached, type QUOTAS } from './quotas.ts';

/** Names, each with its owner, in the order in which they came; every question is answered without looking at all of them. */
export interface OwnedNames {
  /** Adds a name that is new, unless a quota is reached. @throws AppError QUOTA_REACHED. */
  readonly claim: (name: string, owner: string) => void;
  /** Adds a name whatever the quota says. @param owner undefined: it counts for all owners together alone. */
  readonly note: (name: string, owner: string | undefined) => void;
  readonly release: (name: string) => void;
  readonly ownerOf: (name: string) => string | undefined;
  /** The oldest name that is too many, of this owner or of all. */
  readonly findSurplus: (owner: string | undefined) => string | undefined;
}

export interface OwnedNamesOptions {
  readonly name: keyof typeof QUOTAS;
  readonly quota: OwnerQuota;
  /** What they are, for the message: `unfinished resumable uploads`. */
  readonly what: string;
  readonly hint: string;
}

export function createOwnedNames({ name: quotaName, quota, what, hint }: OwnedNamesOptions): OwnedNames {
  const owners = new Map<string, string | undefined>();
  const namesByOwner = new Map<string, Set<string>>();

  return { claim, note, release, ownerOf: (name) => owners.get(name), findSurplus };

  function claim(name: string, owner: string): void {
    if (owners.has(name)) return;
    if ((namesByOwner.get(owner)?.size ?? 0) >= quota.each) {
      throw refusal(quota.each, `you have ${quota.each} ${what}, as many as one owner may have`);
    }
    if (owners.size >= quota.together) {
      throw refusal(quota.together, `there are ${quota.together} ${what}, as many as all owners may have`);
    }
    note(name, owner);
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

  function findSurplus(owner: string | undefined): string | undefined {
    const own = owner === undefined ? undefined : namesByOwner.get(owner);
    if (own !== undefined && own.size > quota.each) return first(own);
    return owners.size > quota.together ? first(owners.keys()) : undefined;
  }

  function refusal(limit: number, detail: string): ReturnType<typeof quotaReached> {
    return quotaReached({ quota: quotaName, limit, detail, hint });
  }
}

function first(names: Iterable<string>): string | undefined {
  const [name] = names;
  return name;
}
