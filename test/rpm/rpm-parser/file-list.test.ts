import { describe, expect, it } from 'vitest';
import { parseRpm } from '../../../src/rpm/rpm-parser/parse-rpm.ts';
import { Tag } from '../../../src/rpm/rpm-parser/tag.ts';
import {
  addTags,
  type CraftTag,
  craftRpm,
  dropTags,
  int16Tag,
  int32Tag,
  int64Tag,
  replaceTags,
  stringArrayTag,
} from '../../support/craft-rpm.ts';

const FILES = [
  { path: '/etc/tool.conf', content: 'a=b', flags: 1 },
  { path: '/usr/bin/tool', mode: 0o100755, sizeBytes: 1000, digest: 'ab'.repeat(32) },
  { path: '/usr/share/tool', mode: 0o040755 },
  { path: '/var/log/tool.log', flags: 64 },
];

function parse(editHeader?: (tags: readonly CraftTag[]) => readonly CraftTag[]) {
  const bytes = craftRpm({ files: FILES, ...(editHeader && { editHeader }) });
  return parseRpm(bytes, bytes.length);
}

describe('the files of a package', () => {
  it('come with path, mode, flags, size and kind, and their digests beside them', () => {
    const rpm = parse();
    expect(rpm.files).toHaveLength(4);
    expect([...rpm.fileDigests].slice(1, 3)).toEqual(['ab'.repeat(32), '']);
    expect([...rpm.files]).toMatchObject([
      { path: '/etc/tool.conf', mode: 0o100644, flags: 1, sizeBytes: 3, kind: 'file' },
      { path: '/usr/bin/tool', mode: 0o100755, sizeBytes: 1000, kind: 'file' },
      { path: '/usr/share/tool', kind: 'dir' },
      { path: '/var/log/tool.log', kind: 'ghost' },
    ]);
  });

  it('can be iterated again from the start', () => {
    const { files } = parse();
    expect([...files]).toEqual([...files]);
  });

  it('are UTF-8 or Latin-1 as a whole, like those of createrepo_c', () => {
    const names = [Buffer.from('a'), Buffer.from('caf\u00e9', 'latin1'), Buffer.from('é'), Buffer.from('b')];
    const parts = craftRpm({
      files: FILES,
      editHeader: replaceTags(
        stringArrayTag(Tag.DIRNAMES, ['/é/']),
        stringArrayTag(Tag.BASENAMES, names),
        int32Tag(Tag.DIRINDEXES, [0, 0, 0, 0]),
      ),
    });
    const paths = [...parseRpm(parts, parts.length).files].map(({ path }) => path);
    expect(paths).toEqual(['/é/a', '/\u00c3\u00a9/caf\u00e9', '/é/é', '/é/b']);
  });

  it('are none without BASENAMES', () => {
    expect(parse(dropTags(Tag.BASENAMES)).files).toHaveLength(0);
  });

  it('may lack sizes and digests', () => {
    const rpm = parse(dropTags(Tag.FILESIZES, Tag.FILEDIGESTS));
    expect([...rpm.files][1]).toMatchObject({ sizeBytes: 0 });
    expect(rpm.fileDigests).toHaveLength(0);
  });

  it('are none in repodata without FILEFLAGS, or with more directories than files', () => {
    expect(parse(dropTags(Tag.FILEFLAGS)).files).toHaveLength(0);
    const directories = ['/a/', '/b/', '/c/', '/d/', '/e/'];
    expect(parse(replaceTags(stringArrayTag(Tag.DIRNAMES, directories))).files).toHaveLength(0);
  });

  it.each([Tag.FILEMODES, Tag.DIRINDEXES, Tag.DIRNAMES])('must not lack tag %i', (tag) => {
    expect(() => parse(dropTags(tag))).toThrow(expect.objectContaining({ code: 'TAG_MISSING' }));
  });

  it.each([
    ['modes', replaceTags(int16Tag(Tag.FILEMODES, [1]))],
    ['flags', replaceTags(int32Tag(Tag.FILEFLAGS, [1, 2, 3, 4, 5]))],
    ['sizes', replaceTags(int32Tag(Tag.FILESIZES, [1]))],
    ['directory indexes', replaceTags(int32Tag(Tag.DIRINDEXES, [0]))],
  ])('must not have another number of %s than of names', (_, editHeader) => {
    expect(() => parse(editHeader)).toThrow(expect.objectContaining({ code: 'COUNT_MISMATCH' }));
  });

  it.each([4, 0x7fffffff, 0xffffffff])('must not be in directory %i of 4', (index) => {
    expect(() => parse(replaceTags(int32Tag(Tag.DIRINDEXES, [0, 1, 2, index])))).toThrow(
      expect.objectContaining({ code: 'COUNT_MISMATCH' }),
    );
  });

  it('must not have a size above 2^53', () => {
    expect(() => parse(addTags(int64Tag(Tag.LONGFILESIZES, [1, 2, 3, 2n ** 60n])))).toThrow(
      expect.objectContaining({ code: 'TAG_INVALID' }),
    );
  });

  it('must not unfold to gigabytes of paths', () => {
    const files = Array.from({ length: 1000 }, (_, index) => ({ path: `/d/${index}` }));
    const longDirectory = stringArrayTag(Tag.DIRNAMES, [`/${'d'.repeat(300_000)}/`]);
    const bytes = craftRpm({ files, editHeader: replaceTags(longDirectory) });
    expect(() => parseRpm(bytes, bytes.length)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
  });
});
