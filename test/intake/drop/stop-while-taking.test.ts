import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, it, vi } from 'vitest';
import { parseConfig } from '../../../src/base/config/load.ts';
import { startService } from '../../../src/boot/start-service.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const { order, pipelineEnded } = vi.hoisted(() => ({
  order: [] as string[],
  pipelineEnded: Promise.withResolvers<void>(),
}));

vi.mock(import('../../../src/intake/open-drop-directory.ts'), () => ({
  openDropDirectory: () => ({
    findFault: () => undefined,
    countStuck: () => 0,
    // As a file whose signing is ended with the pipeline.
    close: async () => {
      await pipelineEnded.promise;
      for (let turn = 0; turn < 100; turn += 1) await nextTurn();
      order.push('file worked off');
    },
  }),
}));

vi.mock(import('../../../src/boot/open-pipeline.ts'), async (importOriginal) => {
  const original = await importOriginal();
  return {
    ...original,
    openPipeline: async (...args) => {
      const pipeline = await original.openPipeline(...args);
      const close = async (): Promise<void> => {
        await pipeline.close();
        pipelineEnded.resolve();
      };
      return { ...pipeline, close };
    },
  };
});

vi.mock(import('../../../src/boot/open-tree.ts'), async (importOriginal) => {
  const original = await importOriginal();
  return {
    ...original,
    openTree: async (...args) => {
      const tree = await original.openTree(...args);
      const close = async (): Promise<void> => {
        order.push('tree given up');
        await tree.close();
      };
      return { ...tree, close };
    },
  };
});

it('a dropped file that is being taken after the grace time has its end before the tree is given up', async () => {
  await using dir = await createTempDir();
  for (const name of ['storage', 'spool', 'state']) await mkdir(join(dir.path, name));
  const text = JSON.stringify({
    server: { address: join(dir.path, 'socket') },
    repo: { top_dir: join(dir.path, 'storage') },
    drop_directory: { path: join(dir.path, 'incoming') },
  });
  const log = pino({ level: 'silent' });
  const service = await startService(parseConfig(text, 'test'), log, { uploadGraceMs: 0 });
  await service.close();
  expect(order).toEqual(['file worked off', 'tree given up']);
});
