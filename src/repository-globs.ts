/**
 * Builds a predicate over repository names (`<releasever>/<basearch>`). In a glob `*` stands for any characters, `/`
 * too; everything else stands for itself.
 */
export function matchesAnyGlob(globs: readonly string[]): (repository: string) => boolean {
  const patterns = globs.map((glob) => {
    const literals = glob.split('*').map((literal) => RegExp.escape(literal));
    return new RegExp(`^${literals.join('.*')}$`, 'u');
  });
  return (repository) => patterns.some((pattern) => pattern.test(repository));
}
