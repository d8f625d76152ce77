import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, vi } from 'vitest';
import { createTurns } from '../../../src/base/turns/take-turns.ts';
import type { RepositoryName } from '../../../src/rpm/repository-name.ts';
import { BatchFolders } from '../../../src/storage/local/batch-folders.ts';
import { openLocalStorage } from '../../../src/storage/local/open-local-storage.ts';
import { createPackageFiles } from '../../../src/storage/local/package-files.ts';
import { openMarks } from '../../../src/storage/marks.ts';
import { createRepositoryLayout } from '../../../src/storage/repository-layout.ts';
import { createStateLayout } from '../../../src/storage/state-layout.ts';
import { createTempDir } from '../../support/temp-dir.ts';
import { type PlacesBed, tryPlaces } from '../suites/places-suite.ts';

describe('places in directories', () => {
  tryPlaces(async () => {
    const dir = await createTempDir();
    await mkdir(join(dir.path, 'incoming'));
    return openBed(dir.path, () => dir.remove());
  });
});

/** Counts the steps that a crash may come before, and fails from one of them on, as all calls of a dead process do. */
class Steps {
  #done = 0;
  #stopAt = Number.POSITIVE_INFINITY;

  stopAt(step: number): void {
    this.#done = 0;
    this.#stopAt = step;
  }

  readonly around = <Asked extends readonly unknown[], Answer>(
    call: (...asked: Asked) => Promise<Answer>,
  ): ((...asked: Asked) => Promise<Answer>) => {
    return async (...asked) => {
      this.#done += 1;
      if (this.#done >= this.#stopAt) throw new Error('EIO');
      return call(...asked);
    };
  };
}

async function openBed(root: string, remove: () => Promise<void>): Promise<PlacesBed> {
  const layout = createRepositoryLayout({
    topDir: join(root, 'storage'),
    releaseverPatterns: [],
    noarchBasearches: [],
    multilib: new Map(),
  });
  const state = createStateLayout(join(root, 'state'));
  await mkdir(state.stateDir, { recursive: true });
  const steps = new Steps();
  const files = createPackageFiles(layout);
  const folders = await BatchFolders.open(state.batchesDir);
  for (const name of ['decide', 'finish'] as const) {
    const call = folders[name].bind(folders);
    vi.spyOn(folders, name).mockImplementation(steps.around(call));
  }
  const storage = await openLocalStorage(
    {
      layout,
      state,
      takeTurns: createTurns(),
      notePlaced: () => undefined,
      now: Date.now,
      log: { warn: () => undefined },
    },
    {
      folders,
      files: {
        ...files,
        add: steps.around(files.add),
        replace: steps.around(files.replace),
        sync: steps.around(files.sync),
        syncName: steps.around(files.syncName),
      },
    },
  );
  const saveReceipts = storage.records.saveReceipts.bind(storage.records);
  vi.spyOn(storage.records, 'saveReceipts').mockImplementation(steps.around(saveReceipts));
  const marks = await openMarks(state.marksDir);
  const mark = steps.around((repository: RepositoryName) => marks.set(repository));
  const places = storage.openPlaces({
    describe: async () => 'a package',
    queue: {
      whileMarked: async (repositories, task) => {
        for (const repository of repositories) await mark(repository);
        return task();
      },
    },
  });
  return {
    storage,
    places,
    fileOf: async (content) => {
      const path = join(root, 'incoming', randomUUID());
      await writeFile(path, content);
      return path;
    },
    contentAt: async (target) => {
      const path = layout.pathOf(target);
      return existsSync(path) ? readFile(path, 'utf8') : undefined;
    },
    listMarked: () => marks.list(),
    stopAtStep: (step) => steps.stopAt(step),
    crashAndReopen: async () => {
      await storage.close();
      return openBed(root, remove);
    },
    [Symbol.asyncDispose]: async () => {
      await storage.close();
      await remove();
    },
  };
}
