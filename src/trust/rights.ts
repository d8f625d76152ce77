import { matchesAnyGlob } from '../rpm/repository-globs.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

export type Right = 'read' | 'upload' | 'delete' | 'admin';

/** For each right, globs over repository names (`9/*`); `*` stands for all of them. */
export type Grants = { readonly [right in Right]?: readonly string[] };

/** What a requester may do. */
export interface Rights {
  readonly may: (right: Right, repository: RepositoryName) => boolean;
  /** In at least one repository, as far as the globs say. */
  readonly maySomewhere: (right: Right) => boolean;
  /** In every repository, also in future ones. */
  readonly mayEverywhere: (right: Right) => boolean;
}

export const ALL_RIGHTS: Grants = { admin: ['*'] };

/** Rights in force: `admin` includes every other right, and each of them includes `read`. */
export function createRights(grants: Grants): Rights {
  const selectGlobs = (right: Right): readonly string[] => {
    const included: readonly Right[] =
      right === 'read' ? ['read', 'upload', 'delete', 'admin'] : [right, 'admin'];
    return included.flatMap((one) => grants[one] ?? []);
  };
  const read = matchesAnyGlob(selectGlobs('read'));
  const upload = matchesAnyGlob(selectGlobs('upload'));
  const remove = matchesAnyGlob(selectGlobs('delete'));
  const admin = matchesAnyGlob(selectGlobs('admin'));
  const matchers: Readonly<Record<Right, (repository: RepositoryName) => boolean>> = {
    read,
    upload,
    delete: remove,
    admin,
  };
  return {
    may: (right, repository) => matchers[right](repository),
    maySomewhere: (right) => selectGlobs(right).length > 0,
    mayEverywhere: (right) => selectGlobs(right).includes('*'),
  };
}
