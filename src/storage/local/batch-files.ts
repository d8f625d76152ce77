import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../../errors.ts';
import { parseRepositoryName } from '../../rpm/repository-name.ts';
import type { BatchMember } from '../batch-store.ts';

/** Files in the directory of a batch; each is renamed into its place whole. */
export const BATCH_FILES = {
  decision: 'decision.json',
  placed: 'placed.json',
  /** Names the owner, whose first package began the batch; batches of an earlier version have no such file. */
  owner: 'owner',
} as const;

const PACKAGE = '.rpm';

/** The name of the file beside that of a member, which says what the member is. */
export function memberFactsFile({ file }: Pick<BatchMember, 'file'>): string {
  return `${file.slice(0, -PACKAGE.length)}.json`;
}

/** The members of a batch that is staged. @param names of the files in its directory. @throws AppError STORAGE_FAILED. */
export async function readStagedMembers(
  directory: string,
  names: readonly string[],
): Promise<readonly BatchMember[]> {
  const members: BatchMember[] = [];
  for (const name of names.filter((one) => one.endsWith(PACKAGE)).toSorted()) {
    const path = join(directory, memberFactsFile({ file: name }));
    members.push(toMember(await readJson<WrittenMember>(path), path));
  }
  return members;
}

/** The members that a decision, or what became of it, names. @throws AppError STORAGE_FAILED. */
export async function readBatchMembers(path: string): Promise<readonly BatchMember[]> {
  const members = await readJson<readonly WrittenMember[]>(path);
  if (Array.isArray(members)) return members.map((member) => toMember(member, path));
  throw damaged(path, new TypeError('expected a list'));
}

/**
 * The members that a commit decided on, at a start: a tree that publishes without them would show a part of the batch.
 * @throws AppError TREE_UNUSABLE.
 */
export async function readDecision(directory: string): Promise<readonly BatchMember[]> {
  try {
    return await readBatchMembers(join(directory, BATCH_FILES.decision));
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    const message = `${join(directory, BATCH_FILES.decision)} is damaged`;
    throw new AppError('TREE_UNUSABLE', message, { hint: cause.hint, cause });
  }
}

type WrittenMember = Omit<BatchMember, 'targets'> & {
  readonly targets: readonly { readonly repository: string; readonly location: string }[];
};

function toMember(written: WrittenMember, path: string): BatchMember {
  const targets = written.targets.map(({ repository: text, location }) => {
    const repository = parseRepositoryName(text);
    if (repository === undefined) throw damaged(path, new TypeError(`${text} is no repository name`));
    return { repository, location };
  });
  return { ...written, targets };
}

/** Only the service writes there. */
async function readJson<Content>(path: string): Promise<Content> {
  const text = await readFile(path, 'utf8');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw damaged(path, cause);
  }
}

function damaged(path: string, cause: unknown): AppError {
  // Without the path: a client asks for a batch by its name.
  const what = `${basename(path)} of the batch ${basename(dirname(path))}`;
  return new AppError('STORAGE_FAILED', `${what} is damaged`, {
    hint: 'Restore the file from a backup; or stop the service, move the directory of the batch away, and send its packages again.',
    cause,
  });
}
