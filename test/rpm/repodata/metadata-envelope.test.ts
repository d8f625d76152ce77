import { execa } from 'execa';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeIndex } from '../../../src/indexing/engines/incremental/write-index.ts';
import {
  closingTag,
  openingTag,
  PACKAGE_METADATA_TYPES,
  type PackageMetadataType,
} from '../../../src/rpm/repodata/metadata-envelope.ts';
import { dnfMakecache, dnfRepoquery } from '../../support/run-dnf.ts';
import { createTempDir } from '../../support/temp-dir.ts';

/** Loads a repository with createrepo_c's own library, which is as strict as its --update. */
const LOAD = `
import createrepo_c, sys
metadata = createrepo_c.Metadata()
metadata.locate_and_load_xml(sys.argv[1])
print(metadata.len())
`;

const renderEmptyMetadata = (type: PackageMetadataType): string => openingTag(type, 0) + closingTag(type);

describe('the metadata of a repository without packages', () => {
  it.each(PACKAGE_METADATA_TYPES)('%s is read by libsolv without a word', async (type) => {
    await using dir = await createTempDir();
    const path = join(dir.path, `${type}.xml`);
    await writeFile(path, renderEmptyMetadata(type));
    const { stderr } = await execa('rpmmd2solv', { inputFile: path, encoding: 'buffer' });
    expect(Buffer.from(stderr).toString()).toBe('');
  });

  it('is loaded by createrepo_c', async () => {
    await using dir = await createTempDir();
    await writeIndex([], { outputDir: dir.path, format: 'gzip', nowMs: Date.UTC(2025, 0, 1) });
    const { stdout } = await execa('/usr/bin/python3', ['-c', LOAD, dir.path]);
    expect(stdout).toBe('0');
  });

  it('is the same as that of createrepo_c', async () => {
    await using dir = await createTempDir();
    await execa('createrepo_c', [
      '--no-database',
      '--general-compress-type=gz',
      '--simple-md-filenames',
      dir.path,
    ]);
    for (const type of PACKAGE_METADATA_TYPES) {
      const { stdout } = await execa('zcat', [join(dir.path, 'repodata', `${type}.xml.gz`)]);
      const withoutSpace = (xml: string): string => xml.replaceAll(/>\s+</g, '><').trim();
      expect(withoutSpace(renderEmptyMetadata(type))).toBe(withoutSpace(stdout));
    }
  });

  it('is taken by dnf', async () => {
    await using dir = await createTempDir();
    await writeIndex([], { outputDir: dir.path, format: 'gzip', nowMs: Date.now() });
    const host = { root: join(dir.path, 'host'), repositoryUrl: `file://${dir.path}` };
    expect(await dnfMakecache(host)).toMatchObject({ exitCode: 0 });
    expect(await dnfRepoquery(host)).toMatchObject({ exitCode: 0, stdout: '' });
  });
});
