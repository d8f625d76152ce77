import { joinRepositoryName, type RepositoryName } from '../../rpm/repository-name.ts';
import { basename, dirname, relative, sep } from 'node:path';
import { basearchOfDirectory, findReleasever } from '../../storage/repository-layout.ts';

/** The repository that a directory's name names for its packages. */
export interface NamedRepository {
  /** `<releasever>/<basearch>`. */
  readonly repository: RepositoryName;
  readonly releasever: string;
  /** True for a directory of our own tree, whose names are the repositories'. */
  readonly isInTree: boolean;
}

/** What names mean. */
export interface NameRules {
  readonly topDir: string;
  readonly releaseverPatterns: readonly RegExp[];
}

// `9`, `8.6`, `2023`, `7Server`: a version, where a word such as `stable` or a user's name might be anything.
const VERSION = /^\d[\w.]{0,15}$/;

/**
 * The repository that a file's path names: `<releasever>/<basearch>` anywhere above it, the nearest one. Undefined when
 * the layout is of another kind.
 * @param root absolute; its own last two names count too, because the user may name a single repository.
 * @param path below it.
 */
export function recogniseDirectory(
  root: string,
  path: string,
  rules: NameRules,
): NamedRepository | undefined {
  const inTree = relative(rules.topDir, `${root}/${path}`).split(sep);
  if (inTree[0] !== '..') return namedInTree(inTree);
  const directories = dirname(path)
    .split(sep)
    .filter((name) => name !== '.');
  const ofService = namedByService(directories, rules);
  if (ofService !== undefined) return ofService;
  const names = [basename(dirname(root)), basename(root), ...directories];
  for (let index = names.length - 1; index > 0; index -= 1) {
    const named = namedBy(names[index - 1] ?? '', names[index] ?? '', rules);
    if (named !== undefined) return named;
  }
  return undefined;
}

/** Below the top directory the first two names are always the repository's. */
function namedInTree([releasever = '', basearch = '', ...others]: readonly string[]):
  | NamedRepository
  | undefined {
  const repository = joinRepositoryName({ releasever, basearch });
  if (others.length === 0 || repository === undefined) return undefined;
  return { repository, releasever, isInTree: true };
}

/** `<releasever>/<basearch>/Packages`, as this service and the original one lay it out, with any releasever. */
function namedByService(directories: readonly string[], rules: NameRules): NamedRepository | undefined {
  const [releasever = '', arch = '', packages, ...others] = directories;
  if (packages !== 'Packages' || others.length > 0) return undefined;
  return named(releaseverOfTag(releasever, rules) ?? releasever, arch);
}

function namedBy(name: string, arch: string, rules: NameRules): NamedRepository | undefined {
  const releasever = releaseverOfTag(name, rules) ?? (VERSION.test(name) ? name : undefined);
  return releasever === undefined ? undefined : named(releasever, arch);
}

/** The releasever that a release with this dist tag (`el9`) names. */
function releaseverOfTag(tag: string, { releaseverPatterns }: NameRules): string | undefined {
  return findReleasever(`1.${tag}`, releaseverPatterns) ?? findReleasever(`1.${tag}.1`, releaseverPatterns);
}

function named(releasever: string, arch: string): NamedRepository | undefined {
  const basearch = basearchOfDirectory(arch);
  if (basearch === undefined) return undefined;
  const repository = joinRepositoryName({ releasever, basearch });
  return repository === undefined ? undefined : { repository, releasever, isInTree: false };
}
