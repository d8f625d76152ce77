import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openPipelineSite } from '../support/pipeline-site.ts';

it('the metadata of the configured releasevers is compressed with zstd, that of the others with gzip', async () => {
  await using site = await openPipelineSite({ reindex: { zstdReleasevers: ['9'] } });
  for (const releasever of ['9', '8']) {
    const outcome = await site.upload('some', { releasever });
    expect(await site.pipeline.waitUntilInstallable(outcome, 30_000)).not.toBe('pending');
  }
  const formsIn = async (repository: string): Promise<ReadonlySet<string | undefined>> => {
    const names = await readdir(join(site.tree.folders.topDir, repository, 'repodata'));
    return new Set(names.map((name) => /-primary\.xml\.(?<form>\w+)$/.exec(name)?.groups?.['form']));
  };
  expect(await formsIn('9/x86_64')).toEqual(new Set([undefined, 'zst']));
  expect(await formsIn('8/x86_64')).toEqual(new Set([undefined, 'gz']));
});
