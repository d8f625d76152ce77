import { unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { ifThere } from '../base/files/if-there.ts';
import { syncDirectory } from '../base/files/durable-files.ts';
import { AppError, printable } from '../errors.ts';
import { openRepositories } from '../storage/open-storage.ts';
import { checkGlobs } from './check-globs.ts';
import { createRepositoryLayout } from '../storage/repository-layout.ts';
import { demandOwner } from './become-owner.ts';
import { REMOVE } from './commands.ts';
import { findPlaces, type PackagePlace } from './find-places.ts';
import { openReindexer } from './open-reindexer.ts';
import { type CommandConfig, listFolders, readConfig, treeLine } from './read-config.ts';
import { reindexOne } from './reindex.ts';
import { demandRepository, demandTree } from './tree-missing.ts';

const MEANING = `Hosts that installed it keep it, and caches may go on handing out its file.
The name is free again: an upload of other bytes under it would be accepted.
Give the next build a higher release all the same, so that nothing mixes up the
two.
`;

const NOT_ALL_WELL =
  'The files are removed. Where an index was not brought up to date, the same command\nagain does it.\n';

/** `rpmyard remove NEVRA|FILE`: takes a package out of its repositories: every file, then the indexes. */
export async function remove(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: REMOVE.options,
    allowPositionals: true,
  });
  const [named, ...others] = positionals;
  if (named === undefined || others.length > 0) {
    throw new AppError('PARAMETER_INVALID', 'expected one package', {
      hint: 'rpmyard remove hello-1.0-1.el9.noarch, or the name of its file.',
    });
  }
  const globs = checkGlobs('--in', values.in ?? ['*']);
  const config = readConfig(values);
  demandTree(config);
  // The files in the directories belong to that user, and so does the index that is made anew.
  demandOwner(listFolders(config), 'remove');
  if (values['dry-run'] === true) {
    const places = await readPlaces(named, globs, config);
    process.stdout.write(
      `${treeLine(config)}${lines(places, 'would be removed')}Nothing was changed; without --dry-run this is done.\n`,
    );
    return 0;
  }
  return removeFrom(named, globs, config);
}

async function removeFrom(named: string, globs: readonly string[], config: CommandConfig): Promise<number> {
  // Comes first: without a service it takes the tree, so that no other process changes it meanwhile.
  const reindexer = await openReindexer(config);
  try {
    const places = await readPlaces(named, globs, config);
    for (const { repository, location, isOnDisk } of places) {
      if (isOnDisk) await unlinkDurable(join(config.topDir, repository, location));
    }
    process.stdout.write(`${treeLine(config)}${lines(places, 'removed')}`);
    let exitCode = 0;
    for (const repository of new Set(places.map((place) => place.repository))) {
      const request = { trust: 'files', isTakeOver: false } as const;
      if (!(await reindexOne(repository, request, reindexer, process.stdout))) exitCode = 1;
    }
    process.stdout.write(MEANING);
    if (exitCode > 0) process.stderr.write(NOT_ALL_WELL);
    return exitCode;
  } finally {
    await reindexer.close();
  }
}

async function readPlaces(
  named: string,
  globs: readonly string[],
  config: CommandConfig,
): Promise<readonly PackagePlace[]> {
  const { topDir, layout } = config;
  const repositories = openRepositories(createRepositoryLayout({ topDir, ...layout }));
  demandRepository(await repositories.list(), config);
  return findPlaces(named, globs, { repositories, topDir });
}

/** An earlier call, or a person, removed a file that is gone already. */
async function unlinkDurable(path: string): Promise<void> {
  await ifThere(unlink(path));
  await syncDirectory(dirname(path));
}

function lines(places: readonly PackagePlace[], word: string): string {
  return places
    .map(({ repository, location, isOnDisk }) => {
      const deed = isOnDisk ? word : 'gone, and still in the index';
      return `${deed}: ${printable(`${repository}/${location}`)}\n`;
    })
    .join('');
}
