/**
 * Builds a predicate over repository names (`<releasever>/<basearch>`). In a glob `*` stands for any characters, `/`
 * too; everything else stands for itself.
 */
export function matchesAnyGlob(globs: readonly string[]): (repository: string) => boolean {
  const matchers = globs.map(createMatcher);
  return (repository) => matchers.some((matches) => matches(repository));
}

/**
 * Not a regular expression: with several `*` it tries every way to divide the name among them before it says no. The
 * first place where a literal fits leaves the most room for those behind it, so no other place has to be tried.
 */
function createMatcher(glob: string): (repository: string) => boolean {
  const [prefix = '', ...rest] = glob.split('*');
  const suffix = rest.pop();
  if (suffix === undefined) return (repository) => repository === glob;
  return (repository) => {
    if (!repository.startsWith(prefix)) return false;
    let end = prefix.length;
    for (const literal of rest) {
      const start = repository.indexOf(literal, end);
      if (start < 0) return false;
      end = start + literal.length;
    }
    return repository.length - suffix.length >= end && repository.endsWith(suffix);
  };
}
