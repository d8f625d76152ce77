import { describe, expect, it } from 'vitest';
import { parseRpm } from '../../../src/rpm/rpm-parser/parse-rpm.ts';
import { Tag } from '../../../src/rpm/rpm-parser/tag.ts';
import { type CraftSpec, craftRpm, i18nTag, replaceTags, stringTag } from '../../support/craft-rpm.ts';

const LATIN_1 = Buffer.from([0x63, 0x61, 0x66, 0xe9]);
const SURROGATE = Buffer.from([0xed, 0xa0, 0x80]);
const NONCHARACTER = '\ufffe';

function defects(spec: CraftSpec) {
  const bytes = craftRpm(spec);
  return parseRpm(bytes, bytes.length).textDefects;
}

describe('the text defects of a package', () => {
  it('are none in plain and in accented text with newlines', () => {
    expect(defects({ summary: 'Ünïcödé 𝄞', description: 'a\n\tb\r\n' })).toEqual([]);
  });

  it('name the tag, the string in it, and what is wrong', () => {
    expect(defects({ summary: LATIN_1 })).toEqual([{ tag: 'SUMMARY', index: 0, defect: 'latin-1' }]);
    expect(defects({ description: SURROGATE })).toMatchObject([{ tag: 'DESCRIPTION', defect: 'ill-formed' }]);
    expect(defects({ vendor: 'a\u0001' })).toMatchObject([{ tag: 'VENDOR', defect: 'control' }]);
    expect(defects({ url: NONCHARACTER })).toMatchObject([{ tag: 'URL', defect: 'noncharacter' }]);
  });

  it('are found in dependencies, paths and changelogs', () => {
    const found = defects({
      dependencies: { requires: [{ name: 'ok' }, { name: LATIN_1, evr: 'a\u0002' }] },
      files: [{ path: '/a/ok' }, { path: '/b\u0001/ok' }, { path: `/b/${NONCHARACTER}` }],
      changelogs: [{ author: LATIN_1, timeSeconds: 1, text: SURROGATE }],
    });
    expect(found).toEqual([
      { tag: 'DIRNAMES', index: 1, defect: 'control' },
      { tag: 'BASENAMES', index: 2, defect: 'noncharacter' },
      { tag: 'REQUIRENAME', index: 1, defect: 'latin-1' },
      { tag: 'REQUIREVERSION', index: 1, defect: 'control' },
      { tag: 'CHANGELOGNAME', index: 0, defect: 'latin-1' },
      { tag: 'CHANGELOGTEXT', index: 0, defect: 'ill-formed' },
    ]);
  });

  it.each(['\t', '\n', '\r'])('include %j in NEVRA, and not in a path', (character) => {
    expect(defects({ files: [{ path: `/a${character}b` }] })).toEqual([]);
    const editHeader = replaceTags(stringTag(Tag.RELEASE, `1${character}`));
    expect(defects({ editHeader })).toMatchObject([{ tag: 'RELEASE', defect: 'control' }]);
  });

  it('are reported once per tag and kind, so many harmless ones hide nothing', () => {
    const changelogs = Array.from({ length: 1000 }, () => ({ author: LATIN_1, timeSeconds: 1, text: 'a' }));
    const last = { author: 'a\u0001', timeSeconds: 1, text: 'a' };
    expect(defects({ changelogs: [...changelogs, last] })).toEqual([
      { tag: 'CHANGELOGNAME', index: 0, defect: 'latin-1' },
      { tag: 'CHANGELOGNAME', index: 1000, defect: 'control' },
    ]);
  });

  it('are not looked for in translations, which repodata does not carry', () => {
    expect(defects({ editHeader: replaceTags(i18nTag(Tag.SUMMARY, ['ok', LATIN_1])) })).toEqual([]);
  });
});
