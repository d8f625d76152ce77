import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { syncedPathsOf } from '../../support/synced-paths.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const MODULE = new URL('../../../src/storage/local/publish-repodata.ts', import.meta.url).href;

it('a publication syncs each file before its name is public, and each name before the next that leads to it', async () => {
  await using dir = await createTempDir();
  const [repository, scratch] = [join(dir.path, 'repository'), join(dir.path, 'scratch')];
  const [fresh, publicDir] = [join(scratch, 'repodata'), join(repository, 'repodata')];
  await mkdir(fresh, { recursive: true });
  await mkdir(publicDir, { recursive: true });
  await writeFile(join(fresh, 'primary.xml.gz'), 'primary');
  await writeFile(
    join(fresh, 'repomd.xml'),
    '<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision>\n</repomd>',
  );
  const synced = await syncedPathsOf(`
    const { publishRepodata } = await import('${MODULE}');
    const signer = {
      sign: async () => 'signature', isSignedNow: async () => true, publicKeys: async () => 'keys',
    };
    await publishRepodata('${repository}', '${scratch}', { url: 'http://repo/', signer, now: () => 2_000 });
  `);
  const generation = join(scratch, 'generation');
  const [signedNames, files] = [['repomd.xml', 'repomd.xml.asc', 'repomd.xml.key'], synced.slice(0, 8)];
  expect(files.toSorted()).toEqual(
    [
      join(fresh, 'primary.xml.gz'),
      join(scratch, 'mirrorlist'),
      ...signedNames.flatMap((name) => [join(fresh, name), join(generation, name)]),
    ].toSorted(),
  );
  // The names in the generation, those of the data files and of the generation, those of repomd.xml and its signature.
  expect(synced.slice(8)).toEqual([generation, publicDir, publicDir, repository]);
});
