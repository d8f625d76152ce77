import { link, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { linkPackages } from './link-packages.ts';
import type { ReindexPeer } from './reindex-peer.ts';
import { runMeasured } from './run-measured.ts';

/**
 * createrepo_c in place, as a cron job would run it.
 * @param flags of every run; an index afresh also gets `freshFlags`, any other `--update`.
 */
export function prepareCreaterepoPeer(options: {
  readonly name: string;
  readonly root: string;
  readonly packagesDir: string;
  readonly flags: readonly string[];
  readonly freshFlags: readonly string[];
}): ReindexPeer {
  const { name, root, packagesDir, flags, freshFlags } = options;
  const target = join(root, 'Packages');
  linkPackages(packagesDir, target);
  const update = () => runMeasured('createrepo_c', ['--update', ...flags, root]);
  return {
    name,
    indexAfresh: () => runMeasured('createrepo_c', [...flags, ...freshFlags, root]),
    warmUp: async ({ path, fileName }) => link(path, join(target, fileName)),
    add: async (packages) => {
      for (const { path, fileName } of packages) await link(path, join(target, fileName));
      return update();
    },
    remove: async (fileName) => {
      await unlink(join(target, fileName));
      return update();
    },
  };
}
