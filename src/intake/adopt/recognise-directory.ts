import { joinRepositoryName, type RepositoryName } from '../../rpm/repository-name.ts';
import { basename, dirname, relative, sep } from 'node:path';

/** The repository that a directory's name says its packages belong to. */
export interface NamedRepository {
  /** `<releasever>/<basearch>`. */
  readonly repository: RepositoryName;
  readonly releasever: string;
  /** True for a directory of our own tree, whose names are the repositories'. */
  readonly isInTree: boolean;
}

/** What names mean; the rules of the layout are handed in. */
export interface NameRules {
  readonly topDir: string;
  /** The repository of an arch or basearch in a path (`i686` is `i386`); undefined for other names. */
  readonly basearchOf: (name: string) => string | undefined;
  /** What a dist tag (`el9`) names, as a release tag would. */
  readonly releaseverOfTag: (tag: string) => string | undefined;
}

// `9`, `8.6`, `2023`, `7Server`: a version, where a word such as `stable` or a user's name might be anything.
const VERSION = /^\d[\w.]{0,15}$/;

/**
 * The repository that a file's path names: `<releasever>/<basearch>` anywhere above it, the nearest one. Undefined when
 * the layout is of another kind.
 * @param root absolute; its own last two names count too, as somebody may name a single repository.
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

/** Below the top directory the first two names are the repository's, whatever they are. */
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
  return named(rules.releaseverOfTag(releasever) ?? releasever, arch, rules);
}

function namedBy(name: string, arch: string, rules: NameRules): NamedRepository | undefined {
  const releasever = rules.releaseverOfTag(name) ?? (VERSION.test(name) ? name : undefined);
  return releasever === undefined ? undefined : named(releasever, arch, rules);
}

function named(releasever: string, arch: string, rules: NameRules): NamedRepository | undefined {
  const basearch = rules.basearchOf(arch);
  if (basearch === undefined) return undefined;
  const repository = joinRepositoryName({ releasever, basearch });
  return repository === undefined ? undefined : { repository, releasever, isInTree: false };
}
