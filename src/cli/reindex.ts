import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Config } from '../base/config/load.ts';
import { AppError, printable, toAppError } from '../errors.ts';
import type { ReindexRequest } from '../indexing/repository-commands.ts';
import { REINDEX } from './commands.ts';
import { expandGlobs } from './expand-globs.ts';
import { findUnlinked } from './find-unlinked.ts';
import { openReindexer, type PackageNote, type Reindexer } from './open-reindexer.ts';
import { counted, createProgressBar } from './progress-bar.ts';
import { readConfig, treeLine } from './read-config.ts';
import { checkNamed } from './check-named.ts';
import { demandRepository } from './tree-missing.ts';
import { PACKAGE_FAULT_HINTS } from '../indexing/package-faults.ts';
import { errorLines } from './error-lines.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

const SET_ASIDE_HINT =
  'It is not in the index. Build it again without what the reason names, and remove this file.';

/** `rpmyard reindex [REPO...]`: brings indexes up to date now, through the running service or without one. */
export async function reindex(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: REINDEX.options,
    allowPositionals: true,
  });
  if (values['take-over'] === true && positionals.length === 0) {
    throw new AppError('PARAMETER_INVALID', '--take-over needs the names of the repositories', {
      hint: 'rpmyard reindex --take-over 9/x86_64',
    });
  }
  const config = readConfig(values);
  const reindexer = await openReindexer(config);
  try {
    const known = await reindexer.listRepositories();
    if (!reindexer.isServiceRunning) demandRepository(known, config);
    process.stdout.write(treeLine(config));
    const chosen = positionals.length > 0 ? expandGlobs(positionals, known) : known;
    if (chosen.length === 0) process.stdout.write('there is no repository yet\n');
    let exitCode = 0;
    for (const named of chosen) {
      const request = {
        trust: values.full ? ('nothing' as const) : ('files' as const),
        isTakeOver: values['take-over'] ?? false,
      };
      const isDone = await reindexOne(named, request, reindexer, process.stdout);
      if (isDone) await noteUnlinked(checkNamed(named, known), config);
      else exitCode = 1;
    }
    return exitCode;
  } finally {
    await reindexer.close();
  }
}

/** No run links packages that lay there before `layout.multilib` named another repository: an administrator decides. */
async function noteUnlinked(repository: RepositoryName, config: Config): Promise<void> {
  for (const { into, count } of await findUnlinked(repository, config)) {
    const { topDir } = config;
    process.stdout.write(
      `${repository}: ${counted(count, 'package')} would go to ${into} as well if sent today (layout.multilib); ` +
        `"rpmyard adopt ${join(topDir, repository)}" shows and links them\n`,
    );
  }
}

/**
 * Writes to `output` how it went; false when something is wrong, which must not keep the other repositories from their
 * turn.
 */
export async function reindexOne(
  named: string,
  request: ReindexRequest,
  reindexer: Reindexer,
  output: NodeJS.WritableStream,
): Promise<boolean> {
  const bar = createProgressBar(named);
  try {
    const { packageCount, revision, faults } = await reindexer.reindex(named, request, bar.show);
    bar.clear();
    output.write(`${named}: ${counted(packageCount, 'package')}, revision ${revision}\n`);
    process.stderr.write(faults.map((fault) => faultLines(named, fault)).join(''));
    return faults.length === 0;
  } catch (error) {
    bar.clear();
    process.stderr.write(errorLines(`rpmyard reindex: ${named}`, toAppError(error)));
    return false;
  }
}

function faultLines(repository: string, { location, code, reason }: PackageNote): string {
  const hint = code === 'PACKAGE_SET_ASIDE' ? SET_ASIDE_HINT : PACKAGE_FAULT_HINTS[code];
  return `${repository}: ${code} ${printable(location)}\n    ${printable(reason)}\n    ${hint}\n`;
}
