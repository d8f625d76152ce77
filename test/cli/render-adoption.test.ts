import { expect, test } from 'vitest';
import { planMetadata } from '../../src/intake/plan-metadata.ts';
import { isSettled, renderAdoption } from '../../src/cli/render-adoption.ts';
import { surveyOf } from '../support/found-packages.ts';

const APPLIED = { takenCount: 0, linkCount: 0, copyCount: 0, metadataCount: 0, published: [], failures: [] };
const NOTHING_STORED = { packages: new Map(), metadata: new Map() };
const NO_TRANSFER = { linkCount: 0, copyCount: 0, copyBytes: 0, freeBytes: undefined };

function adoptionOf(survey: ReturnType<typeof surveyOf>) {
  const plan = { packages: [], conflicts: [], metadata: planMetadata(survey, [], NOTHING_STORED), notes: [] };
  return { survey, plan, topDir: '/srv', transfer: NO_TRANSFER, applied: APPLIED };
}

test('the report names each type that is left out, with the reason', () => {
  const leftOutTypes = ['group_gz_zck', 'prestodelta', 'primary_db', 'Odd'];
  const report = renderAdoption(adoptionOf(surveyOf({ leftOutTypes })));
  for (const type of leftOutTypes) expect(report).toContain(type);
  for (const reason of ['delta packages', 'made anew', 'other forms']) expect(report).toContain(reason);
});

test('a directory with metadata and no packages is not taken over', () => {
  const path = 'old/repodata/comps.xml';
  const metadata = [{ directory: 'old', type: 'group', path, identity: '', sizeBytes: 1, openSha256: 'a' }];
  const adoption = adoptionOf(surveyOf({ metadata, indexed: ['old'] }));
  expect(isSettled(adoption)).toBe(false);
  const report = renderAdoption(adoption);
  expect(report).not.toContain('All is taken over');
  expect(report).toContain(path);
});
