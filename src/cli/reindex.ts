import { parseArgs } from 'node:util';
import { toAppError } from '../errors.ts';
import { REINDEX } from './commands.ts';
import { openReindexer, type Reindexer } from './open-reindexer.ts';
import { counted, createProgressBar } from './progress-bar.ts';
import { readConfig } from './read-config.ts';
import { errorLines } from './error-lines.ts';

/** `rpmyard reindex [REPO...]`: brings indexes up to date now, through the running service or without one. */
export async function reindex(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: REINDEX.options,
    allowPositionals: true,
  });
  const reindexer = await openReindexer(readConfig(values.config));
  try {
    const repositories = positionals.length > 0 ? positionals : await reindexer.listRepositories();
    if (repositories.length === 0) process.stdout.write('there is no repository yet\n');
    let exitCode = 0;
    for (const repository of repositories) {
      const isDone = await reindexOne(
        repository,
        values.full ? 'nothing' : 'files',
        reindexer,
        process.stdout,
      );
      if (!isDone) exitCode = 1;
    }
    return exitCode;
  } finally {
    await reindexer.close();
  }
}

/** Says to `output` how it went; false when it failed, which must not keep the others from their turn. */
export async function reindexOne(
  repository: string,
  trust: 'files' | 'nothing',
  reindexer: Reindexer,
  output: NodeJS.WritableStream,
): Promise<boolean> {
  const bar = createProgressBar(repository);
  try {
    const { packageCount, revision } = await reindexer.reindex(repository, trust, bar.show);
    bar.clear();
    output.write(`${repository}: ${counted(packageCount, 'package')}, revision ${revision}\n`);
    return true;
  } catch (error) {
    bar.clear();
    process.stderr.write(errorLines(`rpmyard reindex: ${repository}`, toAppError(error)));
    return false;
  }
}
