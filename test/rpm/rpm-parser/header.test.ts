import { describe, expect, it } from 'vitest';
import { parseHeader } from '../../../src/rpm/rpm-parser/header.ts';
import { SignatureTag, Tag } from '../../../src/rpm/rpm-parser/tag.ts';
import { TagType } from '../../../src/rpm/rpm-parser/tag-type.ts';
import { craftHeader, int32Tag, int64Tag, stringArrayTag, stringTag } from '../../support/craft-rpm.ts';

const TAGS = [stringTag(Tag.NAME, 'a'), int32Tag(Tag.EPOCH, [7]), int64Tag(Tag.LONGSIZE, [1, 2])];
const good = craftHeader(Tag.HEADERIMMUTABLE, TAGS);

/** Index entry 0 is the region, then the tags in order; fields: tag, type, offset, count. */
function patched(entry: number, field: 'tag' | 'type' | 'offset' | 'count', value: number): Buffer {
  const header = Buffer.from(good);
  header.writeUInt32BE(value, 16 + entry * 16 + ['tag', 'type', 'offset', 'count'].indexOf(field) * 4);
  return header;
}

/** A header with one more entry than its region covers. */
function grown(region: number): Buffer {
  const header = craftHeader(region, [stringTag(269, 'a'), stringTag(273, 'b')]);
  const dataBytes = header.readUInt32BE(12);
  const indexEnd = 16 + 3 * 16;
  const entry = Buffer.alloc(16);
  for (const [field, value] of [1000, TagType.STRING, dataBytes, 1].entries())
    entry.writeUInt32BE(value, field * 4);
  const result = Buffer.concat([
    header.subarray(0, indexEnd),
    entry,
    header.subarray(indexEnd),
    Buffer.alloc(2),
  ]);
  result.writeUInt32BE(4, 8);
  result.writeUInt32BE(dataBytes + 1, 12);
  return result;
}

describe('readHeader', () => {
  it('indexes the tags with the bytes of their values', () => {
    const header = parseHeader(good, 0, 'main');
    expect(header.hasRegion).toBe(true);
    expect(header.entries.get(Tag.NAME)).toMatchObject({ type: TagType.STRING, count: 1 });
    const size = header.entries.get(Tag.LONGSIZE);
    expect((size?.end ?? 0) - (size?.start ?? 0)).toBe(16);
  });

  it('reads a header without region', () => {
    expect(parseHeader(craftHeader(undefined, TAGS), 0, 'main')).toMatchObject({ hasRegion: false });
  });

  it('keeps the first of a repeated tag and says which are repeated', () => {
    const header = parseHeader(
      craftHeader(Tag.HEADERIMMUTABLE, [stringTag(Tag.NAME, 'a'), stringTag(Tag.NAME, 'b')]),
      0,
      'main',
    );
    expect([...header.ambiguousTags]).toEqual([Tag.NAME]);
  });

  it.each([
    ['type 0', patched(1, 'type', 0)],
    ['type 10', patched(1, 'type', 10)],
    ['a tag below 100', patched(1, 'tag', 63)],
    ['a negative tag', patched(1, 'tag', 0x80000000)],
    ['values after the data', patched(1, 'offset', 0x7fffffff)],
    ['a negative offset', patched(1, 'offset', 0xffffffff)],
    ['values that overlap those before', patched(2, 'offset', 0)],
    ['values that go backwards', patched(3, 'offset', 0)],
    ['an unaligned INT64', patched(3, 'offset', 12)],
    ['no values', patched(2, 'count', 0)],
    ['more values than fit', patched(2, 'count', 1000)],
    ['values that reach into the region trailer', patched(3, 'count', 3)],
    ['a STRING with two values', patched(1, 'count', 2)],
    ['a region that is no BIN', patched(0, 'type', TagType.STRING)],
    ['a region of 17 bytes', patched(0, 'count', 17)],
    ['a region whose trailer lies elsewhere', patched(0, 'offset', 0)],
    ['a region whose trailer lies outside', patched(0, 'offset', 0xfffffff0)],
  ])('refuses %s', (_, bytes) => {
    expect(() => parseHeader(bytes, 0, 'main')).toThrow(expect.objectContaining({ code: 'HEADER_INVALID' }));
  });

  it('refuses bytes in the data that no tag names', () => {
    const tag = { ...stringTag(Tag.NAME, ''), data: Buffer.from('a\0evil\0') };
    for (const region of [Tag.HEADERIMMUTABLE, undefined]) {
      expect(() => parseHeader(craftHeader(region, [tag]), 0, 'main')).toThrow(
        expect.objectContaining({ code: 'HEADER_INVALID' }),
      );
    }
  });

  it('refuses a tag that rpm knows with another type, even one that is not read here', () => {
    const header = craftHeader(Tag.HEADERIMMUTABLE, [stringTag(Tag.FILEMTIMES, 'now')]);
    expect(() => parseHeader(header, 0, 'main')).toThrow(expect.objectContaining({ code: 'TAG_INVALID' }));
    const unknown = craftHeader(Tag.HEADERIMMUTABLE, [stringTag(99_999, 'now')]);
    expect(parseHeader(unknown, 0, 'main').entries.size).toBe(1);
  });

  it('refuses more than a million values, even of an empty array', () => {
    const tag = { ...stringArrayTag(Tag.BASENAMES, ['']), count: 0x100000, data: Buffer.alloc(0x100000) };
    expect(() => parseHeader(craftHeader(Tag.HEADERIMMUTABLE, [tag]), 0, 'main')).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED' }),
    );
  });

  it('refuses strings that are not terminated inside the data', () => {
    const tag = { ...stringTag(Tag.NAME, ''), data: Buffer.from('aaaa') };
    expect(() => parseHeader(craftHeader(undefined, [tag]), 0, 'main')).toThrow(
      expect.objectContaining({ code: 'HEADER_INVALID' }),
    );
  });

  it.each([
    ['covers fewer entries', (header: Buffer) => header.writeInt32BE(-32, header.length - 8)],
    ['covers more entries', (header: Buffer) => header.writeInt32BE(-160, header.length - 8)],
    ['covers half an entry', (header: Buffer) => header.writeInt32BE(-56, header.length - 8)],
    [
      'covers the smallest number there is',
      (header: Buffer) => header.writeInt32BE(-0x80000000, header.length - 8),
    ],
    ['has another tag in its trailer', (header: Buffer) => header.writeInt32BE(62, header.length - 16)],
  ])('refuses a region that %s', (_, patch) => {
    const header = Buffer.from(good);
    patch(header);
    expect(() => parseHeader(header, 0, 'main')).toThrow(expect.objectContaining({ code: 'HEADER_INVALID' }));
  });

  it('refuses entries outside the region of a main header, and allows them in a signature header', () => {
    expect(parseHeader(grown(SignatureTag.HEADERSIGNATURES), 0, 'signature').entries.size).toBe(3);
    expect(() => parseHeader(grown(Tag.HEADERIMMUTABLE), 0, 'main')).toThrow(
      expect.objectContaining({ code: 'HEADER_INVALID' }),
    );
  });
});
