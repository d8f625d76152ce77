import { describe, expect, it } from 'vitest';
import { parseRpm } from '../../../src/rpm/rpm-parser/parse-rpm.ts';
import { Tag } from '../../../src/rpm/rpm-parser/tag.ts';
import {
  addTags,
  type CraftSpec,
  craftRpm,
  dropTags,
  i18nTag,
  int32Tag,
  int64Tag,
  replaceTags,
  stringArrayTag,
  stringTag,
} from '../../support/craft-rpm.ts';

function parse(spec: CraftSpec) {
  const bytes = craftRpm(spec);
  return parseRpm(bytes, bytes.length);
}

describe('parseRpm', () => {
  it('reads what a package says about itself', () => {
    const rpm = parse({
      name: 'nginx-core',
      epoch: 2,
      version: '1.20.1',
      release: '14.el9_2.1',
      arch: 'aarch64',
      summary: 'nginx minimal core',
      description: 'nginx\n\ncore',
      group: 'System',
      license: 'BSD',
      vendor: 'Example',
      packager: 'Someone <a@example.com>',
      url: 'https://nginx.org',
      buildHost: 'host.example.com',
      buildTimeSeconds: 1_690_000_000,
      sourceRpm: 'nginx-1.20.1-14.el9_2.1.src.rpm',
      files: [{ path: '/usr/sbin/nginx', content: 'four' }],
    });
    expect(rpm).toMatchObject({
      name: 'nginx-core',
      epoch: 2,
      version: '1.20.1',
      release: '14.el9_2.1',
      arch: 'aarch64',
      isSource: false,
      isNoSource: false,
      formatMajor: 4,
      summary: 'nginx minimal core',
      description: 'nginx\n\ncore',
      group: 'System',
      license: 'BSD',
      vendor: 'Example',
      packager: 'Someone <a@example.com>',
      url: 'https://nginx.org',
      buildHost: 'host.example.com',
      sourceRpm: 'nginx-1.20.1-14.el9_2.1.src.rpm',
      buildTimeSeconds: 1_690_000_000,
      installedSizeBytes: 4,
      payloadFormat: 'cpio',
      payloadCompressor: 'gzip',
      fileDigestAlgorithm: 'sha256',
      isSigned: false,
      textDefects: [],
    });
  });

  it('says undefined for what a package does not say', () => {
    const rpm = parse({ editHeader: dropTags(Tag.SUMMARY, Tag.GROUP, Tag.BUILDTIME, Tag.SIZE) });
    expect(rpm).toMatchObject({ epoch: undefined, vendor: undefined, url: undefined, summary: undefined });
    expect(rpm).toMatchObject({ buildTimeSeconds: 0, installedSizeBytes: 0 });
  });

  it('tells epoch 0 from no epoch', () => {
    expect(parse({ epoch: 0 }).epoch).toBe(0);
    expect(parse({}).epoch).toBeUndefined();
  });

  it('gives the range of the main header as createrepo_c writes it', () => {
    const bytes = craftRpm();
    const { start, end } = parseRpm(bytes, bytes.length).headerRange;
    expect(bytes.readUInt32BE(start)).toBe(0x8eade801);
    expect(bytes.readUInt16BE(end)).toBe(0x1f8b);
  });

  it('takes the C locale of a translated text', () => {
    const editHeader = replaceTags(i18nTag(Tag.SUMMARY, ['plain', 'schlicht']));
    expect(parse({ editHeader }).summary).toBe('plain');
  });

  it('honours the 64-bit sizes', () => {
    const rpm = parse({ files: [{ path: '/big', sizeBytes: 5_000_000_000 }] });
    expect(rpm.installedSizeBytes).toBe(5_000_000_000);
    expect([...rpm.files].map(({ sizeBytes }) => sizeBytes)).toEqual([5_000_000_000]);
  });

  it.each([Tag.NAME, Tag.VERSION, Tag.RELEASE, Tag.ARCH])('refuses a package without tag %i', (tag) => {
    expect(() => parse({ editHeader: dropTags(tag) })).toThrow(
      expect.objectContaining({ code: 'TAG_MISSING' }),
    );
  });

  it('takes the first of several values, and no EPOCH that has several, as rpm does', () => {
    const editHeader = replaceTags(
      int32Tag(Tag.BUILDTIME, [5, 6]),
      int32Tag(Tag.SIZE, [7, 8]),
      int32Tag(Tag.EPOCH, [1, 2]),
      int32Tag(Tag.FILEDIGESTALGO, [8, 1]),
    );
    expect(parse({ editHeader })).toMatchObject({
      buildTimeSeconds: 5,
      installedSizeBytes: 7,
      epoch: 0,
      fileDigestAlgorithm: 'sha256',
    });
  });

  it('takes the only string of an array as the text, and none of several', () => {
    const editHeader = replaceTags(
      stringArrayTag(Tag.NAME, ['tool']),
      stringArrayTag(Tag.LICENSE, ['MIT']),
      stringArrayTag(Tag.SUMMARY, ['a', 'b']),
    );
    expect(parse({ editHeader })).toMatchObject({ name: 'tool', license: 'MIT', summary: undefined });
  });

  it('takes a tag that is there twice with one value', () => {
    expect(parse({ editHeader: addTags(stringTag(Tag.NAME, 'example')) }).name).toBe('example');
  });

  it('says (none) for the source of a binary package that names none', () => {
    expect(parse({ editHeader: dropTags(Tag.SOURCERPM) }).sourceRpm).toBe('(none)');
    const both = parse({ isSource: true });
    expect(both.sourceRpm).toBeUndefined();
  });

  it.each([
    ['two NAMEs', addTags(stringTag(Tag.NAME, 'evil'))],
    ['two EPOCHs', addTags(int32Tag(Tag.EPOCH, [1]), int32Tag(Tag.EPOCH, [2]))],
    ['two ARCHs', addTags(stringTag(Tag.ARCH, 'noarch'))],
    ['a NAME that is an array', replaceTags(stringArrayTag(Tag.NAME, ['a', 'b']))],
    ['a NAME that is translated', replaceTags(i18nTag(Tag.NAME, ['a', 'b']))],
    ['an EPOCH that is text', addTags(stringTag(Tag.EPOCH, '1'))],
    ['an EPOCH of 64 bits', addTags(int64Tag(Tag.EPOCH, [1]))],
    ['a SIZE above 2^53', addTags(int64Tag(Tag.LONGSIZE, [2n ** 53n]))],
    ['a SUMMARY that is a number', replaceTags(int32Tag(Tag.SUMMARY, [1]))],
    ['a digest of the signature header in the main header', addTags(stringTag(Tag.SHA256HEADER, 'ab'))],
  ])('refuses %s', (_, editHeader) => {
    expect(() => parse({ editHeader })).toThrow(expect.objectContaining({ code: 'TAG_INVALID' }));
  });

  it('knows a source package by SOURCEPACKAGE, or by its nameless directory when SOURCERPM is absent', () => {
    const files = [{ path: 'example.spec', content: 'x' }];
    expect(parse({ isSource: true, files })).toMatchObject({ isSource: true, arch: 'x86_64' });
    expect(parse({ isSource: true, files, editHeader: dropTags(Tag.SOURCEPACKAGE) }).isSource).toBe(true);
    expect(parse({ editHeader: dropTags(Tag.SOURCERPM) }).isSource).toBe(false);
    expect(parse({ editHeader: addTags(int32Tag(Tag.SOURCEPACKAGE, [1])) }).isSource).toBe(true);
  });

  it('knows a source package that leaves sources out', () => {
    const editHeader = addTags(int32Tag(Tag.NOSOURCE, [0]));
    expect(parse({ isSource: true, editHeader }).isNoSource).toBe(true);
    expect(parse({ editHeader }).isNoSource).toBe(false);
  });

  it('reads RPMFORMAT and refuses a format it does not know', () => {
    expect(parse({ editHeader: addTags(int32Tag(Tag.RPMFORMAT, [6])) }).formatMajor).toBe(6);
    expect(() => parse({ editHeader: addTags(int32Tag(Tag.RPMFORMAT, [99])) })).toThrow(
      expect.objectContaining({ code: 'FORMAT_UNSUPPORTED' }),
    );
  });

  it('reads a package of format 3, which has no region and whole file names', () => {
    const files = [{ path: '/usr/bin/a', content: 'a' }];
    const oldNames = stringArrayTag(Tag.OLDFILENAMES, ['/usr/bin/a']);
    const rpm = parse({
      hasRegion: false,
      files,
      editHeader: (tags) => [...dropTags(Tag.BASENAMES, Tag.DIRNAMES, Tag.DIRINDEXES)(tags), oldNames],
    });
    expect(rpm.formatMajor).toBe(3);
    expect([...rpm.files].map(({ path }) => path)).toEqual(['/usr/bin/a']);
  });

  it('parses a delta package but says that its payload is no cpio archive', () => {
    expect(parse({ payloadFormat: 'drpm' }).payloadFormat).toBe('drpm');
  });

  it('assumes cpio and gzip, as rpm does, when an old package does not say', () => {
    const editHeader = dropTags(Tag.PAYLOADFORMAT, Tag.PAYLOADCOMPRESSOR);
    expect(parse({ editHeader })).toMatchObject({ payloadFormat: 'cpio', payloadCompressor: 'gzip' });
  });

  it('refuses to work on fewer bytes than the header has', () => {
    const bytes = craftRpm();
    expect(() => parseRpm(bytes.subarray(0, 500), bytes.length)).toThrow(
      expect.objectContaining({ code: 'TRUNCATED' }),
    );
  });

  it('does not need the payload', () => {
    const bytes = craftRpm();
    const { headerRange } = parseRpm(bytes, bytes.length);
    expect(parseRpm(bytes.subarray(0, headerRange.end), bytes.length).name).toBe('example');
  });
});
