import { createHash } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { surveyMetadata } from '../../src/intake/adopt/survey-metadata.ts';
import { walkTree } from '../../src/intake/adopt/walk-tree.ts';
import { checkForeignContent } from '../../src/indexing/metadata/check-foreign-content.ts';
import { foreignTypeOf } from '../../src/rpm/foreign-types.ts';
import { renderRepomd } from '../../src/rpm/repodata/repomd.ts';
import { METADATA_FILE } from '../support/metadata-file.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

let dir: TempDir;

beforeEach(async () => {
  dir = await createTempDir();
});

afterEach(() => dir.remove());

const put = async (path: string, content: string | Uint8Array = ''): Promise<string> => {
  const absolute = join(dir.path, path);
  await mkdir(join(absolute, '..'), { recursive: true });
  await writeFile(absolute, content);
  return absolute;
};

describe('a walk through a tree', () => {
  it('names each thing once and follows no link', async () => {
    await put('b.rpm');
    await put('sub.rpm/a.rpm');
    await put('sub.rpm/repodata/inner.rpm');
    await put('repodata/repomd.xml');
    await put('x.drpm');
    await put('README');
    await put('.hidden/c.rpm');
    await put('.d.rpm');
    await symlink('sub.rpm', join(dir.path, 'link'));
    await symlink('/nonexistent', join(dir.path, 'dangling.rpm'));
    await execa('mkfifo', [join(dir.path, 'pipe.rpm')]);
    expect(await walkTree(dir.path)).toEqual({
      packages: ['b.rpm', 'sub.rpm/a.rpm'],
      indexed: ['', 'sub.rpm'],
      links: ['dangling.rpm', 'link'],
      deltas: ['x.drpm'],
      unreadable: [{ path: 'pipe.rpm', reason: 'it is no regular file' }],
      hiddenCount: 2,
      otherCount: 1,
    });
  });

  it('names what cannot be listed, and goes on', async () => {
    await put('a.rpm');
    const found = await walkTree(join(dir.path, 'none'));
    expect(found.unreadable).toEqual([{ path: '.', reason: 'it cannot be read (ENOENT)' }]);
  });
});

describe('the metadata of a tree', () => {
  const parts = {
    foreignTypeOf,
    checkContent: async (type: string, path: string) =>
      (await checkForeignContent({ type, path })).openSha256,
  };
  const COMPS = '<comps></comps>';

  /** A repodata directory that names these files by type. */
  async function index(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
    const named = await Promise.all(
      Object.entries(files).map(async ([type, content]) => {
        const href = `repodata/${type}.file`;
        await put(`el9/${href}`, content);
        return { ...METADATA_FILE, type, href, sha256: createHash('sha256').update(content).digest('hex') };
      }),
    );
    await put('el9/repodata/repomd.xml', renderRepomd({ revision: '1', files: named, carriedXml: [] }));
  }

  const survey = () => surveyMetadata(dir.path, ['el9'], parts);

  it('is what is not derived from packages, by the type it can be put as', async () => {
    await index({
      primary: 'p',
      primary_db: 'p',
      filelists: 'f',
      other_zck: 'o',
      prestodelta: '<prestodelta/>',
      group: COMPS,
      group_gz: gzipSync('<comps>other</comps>'),
      updateinfo_xz: '<updates/>',
    });
    const { metadata, refusals, leftOutTypes } = await survey();
    expect(metadata.map(({ type, path }) => `${type} ${path}`)).toEqual([
      'group el9/repodata/group.file',
      'updateinfo el9/repodata/updateinfo_xz.file',
    ]);
    expect({ refusals, leftOutTypes }).toEqual({
      refusals: [],
      leftOutTypes: ['other_zck', 'prestodelta', 'primary_db'],
    });
  });

  it('is the same whatever it is compressed with', async () => {
    await index({ group: COMPS });
    const [plain] = (await survey()).metadata;
    await index({ group: gzipSync(COMPS) });
    expect((await survey()).metadata[0]?.openSha256).toBe(plain?.openSha256);
  });

  it('is refused where it is damaged or no reader could use it, and the rest is taken', async () => {
    await index({ group: '<updates/>', updateinfo: '<updates/>', modules: '---\ndocument: modulemd\n' });
    await put('el9/repodata/modules.file', '---\ndocument: other\n');
    const { metadata, refusals } = await survey();
    expect(metadata.map(({ type }) => type)).toEqual(['updateinfo']);
    expect(refusals).toMatchObject([
      { path: 'el9/repodata/group.file', code: 'METADATA_INVALID' },
      { path: 'el9/repodata/modules.file', code: 'METADATA_INVALID' },
    ]);
  });

  it('is refused as a whole when repomd.xml is none', async () => {
    await put('el9/repodata/repomd.xml', '<repomd><data>');
    expect((await survey()).refusals).toMatchObject([
      { path: 'el9/repodata/repomd.xml', code: 'METADATA_INVALID' },
    ]);
  });

  it('is nothing in an empty repodata directory', async () => {
    await mkdir(join(dir.path, 'el9/repodata'), { recursive: true });
    expect(await survey()).toEqual({ metadata: [], refusals: [], leftOutTypes: [], tags: [] });
  });
});
