import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = join(import.meta.dirname, '../../src');

/** The districts that keep packages, records and batches through the interfaces of storage. */
const OUTSIDE = ['http', 'observe', 'indexing', 'intake', 'trust'];

const sources = OUTSIDE.flatMap((district) =>
  readdirSync(join(SRC, district), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${district}/${name}`),
);

/** @param but the files that may, each with its reason. */
function filesWith(pattern: RegExp, but: Readonly<Record<string, string>> = {}): readonly string[] {
  return sources.filter((file) => !(file in but) && pattern.test(readFileSync(join(SRC, file), 'utf8')));
}

describe('outside of storage', () => {
  it('no file asks the layout for a path', () => {
    expect(
      filesWith(/\b(?:directoryOf|pathOf)\(/, {
        'indexing/engines/createrepo/check-repodata.ts': 'a function of its own',
        'indexing/foreign-metadata.ts': 'metadata that waits, below the state directory',
        'indexing/verify-repository.ts': 'verify reads the tree on disk',
        'indexing/verify/check-repository.ts': 'verify reads the tree on disk',
        'indexing/verify/check-generations.ts': 'a function of its own',
        'intake/adopt/survey-packages.ts': 'adopt compares files on disk',
        'intake/read-stored.ts': 'adopt compares files on disk',
      }),
    ).toEqual([]);
  });

  it('no file opens a database but the engine, whose state can be thrown away', () => {
    expect(filesWith(/node:sqlite/, { 'indexing/engines/incremental/index-state.ts': 'its own' })).toEqual(
      [],
    );
  });

  it('no file names an implementation of storage', () => {
    expect(filesWith(/storage\/local\//)).toEqual([]);
  });

  it('no file joins the name of a file of the state directory', () => {
    expect(
      filesWith(/['"`](?:records\.sqlite|index\.sqlite|lock\.sqlite|owner\.json|local-token|decision\.json)/),
    ).toEqual([]);
  });
});

describe('the choice of an implementation', () => {
  it('is made in one file', () => {
    const naming = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.startsWith('storage/local/'))
      .filter((name) =>
        /(?:SqliteRecords|openLocalStorage|createLocalRepositories)\b/.test(
          readFileSync(join(SRC, name), 'utf8'),
        ),
      );
    expect(naming).toEqual(['storage/open-storage.ts']);
  });
});
