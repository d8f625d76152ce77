import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { NO_TAGS, parseDistro } from '../../../src/rpm/repodata/repomd-tags.ts';
import { parseRepomd, renderRepomd, withCarriedData, withTags } from '../../../src/rpm/repodata/repomd.ts';
import { craftRpm } from '../../support/craft-rpm.ts';
import { METADATA_FILE as FILE } from '../../support/metadata-file.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const SHA = FILE.sha256;

const data = (attributes: string, content: string): string =>
  `<repomd xmlns="http://linux.duke.edu/metadata/repo"><data${attributes}>${content}</data></repomd>`;

const CHECKSUM = `<checksum type="sha256">${SHA}</checksum>`;
const LOCATION = '<location href="repodata/x.xml.gz"/>';

/** What createrepo_c's own library reads in a repomd.xml. */
const READ_REPOMD = `
import createrepo_c, json, sys
repomd = createrepo_c.Repomd(sys.argv[1])
print(json.dumps({"revision": repomd.revision, "records": [
  [r.type, r.location_href, r.checksum_type, r.checksum, r.size, r.checksum_open, r.size_open, r.timestamp]
  for r in repomd.records]}))
`;

interface ReadRepomd {
  readonly revision: string;
  readonly records: readonly unknown[];
}

async function readByCreaterepo(xml: string): Promise<ReadRepomd> {
  await using dir = await createTempDir();
  const path = join(dir.path, 'repomd.xml');
  await writeFile(path, xml);
  const { stdout } = await execa('/usr/bin/python3', ['-c', READ_REPOMD, path]);
  return JSON.parse(stdout);
}

describe('a repomd.xml of ours', () => {
  const xml = renderRepomd({ revision: '1700000000', files: [FILE], carriedXml: [] });

  it('is read back as it was written', () => {
    const { revision, data: records } = parseRepomd(xml);
    expect(revision).toBe('1700000000');
    expect(records).toMatchObject([
      { type: 'primary', href: FILE.href, checksum: { type: 'sha256', hex: SHA }, sizeBytes: 1234 },
    ]);
  });

  it('says to createrepo_c what we meant', async () => {
    expect(await readByCreaterepo(xml)).toEqual({
      revision: '1700000000',
      records: [['primary', FILE.href, 'sha256', SHA, 1234, null, 56_789, FILE.timestampSeconds]],
    });
  });

  it('is well-formed without any file', async () => {
    const empty = renderRepomd({ revision: '7', files: [], carriedXml: [] });
    expect(parseRepomd(empty)).toEqual({ revision: '7', tags: NO_TAGS, data: [] });
    expect(await readByCreaterepo(empty)).toEqual({ revision: '7', records: [] });
  });

  it('carries elements of others, also those that it took over before', () => {
    const strange =
      '<data type="productid"><checksum type="sha1">12</checksum>\n<location href="repodata/productid" xml:base="http://x/"/>\n<x:unknown xmlns:x="urn:x" a="&amp;"><![CDATA[<data>]]></x:unknown></data>';
    const once = renderRepomd({ revision: '1', files: [FILE], carriedXml: [strange] });
    const twice = withCarriedData(
      xml,
      parseRepomd(once)
        .data.slice(1)
        .map((each) => each.xml),
    );
    expect(parseRepomd(once).data[1]?.xml).toBe(strange);
    expect(parseRepomd(twice).data[1]?.xml).toBe(strange);
  });

  it('stays the same when nothing is carried', () => {
    expect(withCarriedData(xml, [])).toBe(xml);
  });
});

describe('a repomd.xml of createrepo_c', () => {
  it('keeps what modifyrepo_c added, word for word, and every reader still finds it', async () => {
    await using dir = await createTempDir();
    await writeFile(join(dir.path, 'example-1.0-1.el9.x86_64.rpm'), craftRpm());
    await execa('createrepo_c', ['--no-database', '--general-compress-type=gz', dir.path]);
    const path = join(dir.path, 'repodata/repomd.xml');
    const plain = await readFile(path, 'utf8');
    for (const [name, content] of [
      ['updateinfo.xml', '<updates></updates>'],
      ['modules.yaml', '---\ndocument: modulemd\n'],
    ] as const) {
      await writeFile(join(dir.path, name), content);
      await execa('modifyrepo_c', [join(dir.path, name), join(dir.path, 'repodata')]);
    }
    const modified = await readFile(path, 'utf8');

    const added = parseRepomd(modified).data.filter(({ type }) => ['updateinfo', 'modules'].includes(type));
    expect(added.map(({ type }) => type).toSorted()).toEqual(['modules', 'updateinfo']);
    for (const { xml } of added) expect(modified).toContain(xml);
    const carried = withCarriedData(
      plain,
      added.map(({ xml }) => xml),
    );
    const [byCarried, byModified] = [await readByCreaterepo(carried), await readByCreaterepo(modified)];
    expect(new Set(byCarried.records)).toEqual(new Set(byModified.records));
    expect(parseRepomd(plain)).toMatchObject({ revision: expect.stringMatching(/^\d+$/) });
    expect(
      parseRepomd(plain)
        .data.map(({ type }) => type)
        .toSorted(),
    ).toEqual(['filelists', 'other', 'primary']);
  });

  it('has its tags written as createrepo_c writes them', async () => {
    await using dir = await createTempDir();
    const content = ['binary', 'a & <b>', '"x"'];
    const repo = ['"quoted"'];
    const distro = ['cpe:/o:fedoraproject:fedora:33,Fedora & 33', 'no name', 'a"<&,b,c', ',d'];
    const tags = { content, repo, distro: distro.map(parseDistro) };
    const options = Object.entries({ content, repo, distro }).flatMap(([name, words]) =>
      words.map((word) => `--${name}=${word}`),
    );
    await execa('createrepo_c', ['--no-database', '--general-compress-type=gz', ...options, dir.path]);
    const tagged = await readFile(join(dir.path, 'repodata/repomd.xml'), 'utf8');
    expect(withTags(withTags(tagged, NO_TAGS), tags)).toBe(tagged);
    expect(withTags(tagged, tags)).toBe(tagged);
    expect(parseRepomd(tagged).tags).toEqual(tags);
    expect(withTags(tagged, NO_TAGS)).not.toContain('tags');
  });

  it('may hold tags, a comment and white space as people write them', () => {
    const xml = `\ufeff<?xml version='1.0'?>
<!-- <data type="comment"/> -->
<repomd xmlns="http://linux.duke.edu/metadata/repo">
  <tags><content>binary</content><distro cpeid="cpe:/o:x">9</distro></tags>
  <revision> 42 </revision>
  <data   type = 'group' >
    <location xml:base="http://x/" href='repodata/comps &amp; more.xml'/>
    <checksum type="sha256"> ${SHA} </checksum>
    <database_version>10</database_version>
  </data ><data type="ä🎉">${CHECKSUM}${LOCATION}</data>
</repomd>`;
    const { revision, data: records } = parseRepomd(xml);
    expect(revision).toBe('42');
    expect(records).toMatchObject([
      { type: 'group', href: 'repodata/comps & more.xml', checksum: { hex: SHA }, sizeBytes: undefined },
      { type: 'ä🎉', href: 'repodata/x.xml.gz' },
    ]);
    expect(records[0]?.xml).toMatch(/^<data {3}type = 'group' >[^]*<\/data >$/);
    expect(records[1]?.xml).toBe(`<data type="ä🎉">${CHECKSUM}${LOCATION}</data>`);
  });
});

describe('a repomd.xml that is refused', () => {
  it.each([
    ['is empty', ''],
    ['is no XML', 'not found'],
    ['is a page', '<html><body><p>502</body></html>'],
    ['is cut', renderRepomd({ revision: '1', files: [FILE], carriedXml: [] }).slice(0, -20)],
    ['has two roots', '<repomd/><repomd/>'],
    ['has an entity of its own', '<!DOCTYPE r [<!ENTITY x "y">]><repomd><revision>&x;</revision></repomd>'],
    ['has data without a type', data('', CHECKSUM + LOCATION)],
    ['has data without a location', data(' type="primary"', CHECKSUM)],
    ['has data without a checksum', data(' type="primary"', LOCATION)],
    ['has a checksum without a type', data(' type="primary"', `<checksum>${SHA}</checksum>${LOCATION}`)],
  ])('%s', (_, xml) => {
    expect(() => parseRepomd(xml)).toThrow(Error);
  });

  it('never unfolds entities', () => {
    const bomb = `<!DOCTYPE r [<!ENTITY a "${'x'.repeat(1000)}"><!ENTITY b "${'&a;'.repeat(1000)}">]><repomd><revision>&b;</revision></repomd>`;
    expect(() => parseRepomd(bomb)).toThrow(/entity/i);
  });
});
