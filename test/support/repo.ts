import { parseRepositoryName, type RepositoryName } from '../../src/rpm/repository-name.ts';

/** The name of a repository in a test. @throws Error for a text that is none. */
export function repo(text: string, channels?: ReadonlySet<string>): RepositoryName {
  const name = parseRepositoryName(text, channels);
  if (name === undefined) throw new Error(`${text} is no repository name`);
  return name;
}
