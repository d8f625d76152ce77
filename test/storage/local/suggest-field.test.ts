import { describe, expect, it } from 'vitest';
import { compareVersions } from '../../../src/rpm/rpm-parser/evr.ts';
import { suggestField } from '../../../src/storage/local/suggest-field.ts';

describe('suggestField', () => {
  it.each([
    ['1.0.0-rc1', '1.0.0~rc1'],
    ['1.0.0-rc.1', '1.0.0~rc.1'],
    ['2.0-beta', '2.0~beta'],
    ['2.0-SNAPSHOT', '2.0~SNAPSHOT'],
    ['3.1 alpha 2', '3.1~alpha_2'],
    ['1.2-3', '1.2_3'],
    ['1.2-5-gdeadbee', '1.2^5.gdeadbee'],
    ['1.2-arm', '1.2_arm'],
    ['2024/05/01', '2024_05_01'],
    ['1.0é', '1.0e'],
    ['1:2.0-rc1', '2.0~rc1'],
    ['-1.0-', '1.0'],
  ])('says for the version %j %j', (value, suggestion) => {
    expect(suggestField('version', value)).toBe(suggestion);
  });

  it.each([
    ['my app', 'my-app'],
    ['@scope/tool', 'scope-tool'],
    ['../etc/passwd', 'etc-passwd'],
    ['café', 'cafe'],
  ])('says for the name %j %j', (value, suggestion) => {
    expect(suggestField('name', value)).toBe(suggestion);
  });

  it.each(['', '///', '日本'])('has nothing to say for %j', (value) => {
    expect(suggestField('version', value)).toBeUndefined();
  });

  it('makes a version before a release older than the release, and one after a tag newer', () => {
    expect(compareVersions(suggestField('version', '1.0-rc1') ?? '', '1.0')).toBeLessThan(0);
    expect(compareVersions(suggestField('version', '1.0-5-gdeadbee') ?? '', '1.0')).toBeGreaterThan(0);
  });
});
