import type { RepositoryName } from '../rpm/repository-name.ts';
import { parseDistro, type RepomdTags } from '../rpm/repodata/repomd-tags.ts';
import { matchesAnyGlob } from '../rpm/repository-globs.ts';

/** An entry of `index_updater.repodata_tags`. */
export interface TagsEntry {
  /** Globs. */
  readonly repositories: readonly string[];
  readonly content?: readonly string[];
  readonly repo?: readonly string[];
  /** See parseDistro(). */
  readonly distro?: readonly string[];
}

/** The tags that the configuration gives a repository: those of the first entry that names it. */
export function tagsOfRepositories(
  entries: readonly TagsEntry[],
): (repository: RepositoryName) => RepomdTags | undefined {
  const given = entries.map(({ repositories, content = [], repo = [], distro = [] }) => ({
    names: matchesAnyGlob(repositories),
    tags: { content, repo, distro: distro.map(parseDistro) },
  }));
  return (repository) => given.find(({ names }) => names(repository))?.tags;
}
