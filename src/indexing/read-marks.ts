import { repositoryOfFileName } from '../rpm/repository-name.ts';
import { namesIn } from '../base/files/names-in.ts';

/** The repositories that need reindexing, as `<state_dir>/marks` says (`<releasever>@<basearch>`). */
export async function readMarks(marksDir: string): Promise<readonly string[]> {
  return (await namesIn(marksDir)).map((name) => repositoryOfFileName(name) ?? name).toSorted();
}
