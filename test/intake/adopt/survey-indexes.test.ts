import { expect, it } from 'vitest';
import { surveyIndexes } from '../../../src/intake/adopt/survey-indexes.ts';

const named = (...locations: readonly string[]) =>
  new Map(locations.map((location) => [location, { location, base: undefined }]));

it('names what an index has and the survey did not find, and what lies below an index that does not name it', async () => {
  const indexes = new Map([
    ['/old/9', named('Packages/a.rpm', '../pool/b.rpm', 'gone.rpm')],
    ['/old/empty', named()],
  ]);
  const found = {
    indexed: ['9', 'empty'],
    paths: ['9/Packages/a.rpm', '9/secret.rpm', 'empty/new.rpm', 'elsewhere.rpm', 'pool/b.rpm'],
  };
  const parts = {
    readIndex: async (directory: string) => indexes.get(directory) ?? named(),
    explainLoss: ({ location }: { readonly location: string }, directory: string) =>
      `${location} of ${directory}`,
  };
  expect(await surveyIndexes('/old', found, parts)).toEqual({
    missing: [{ path: '9/gone.rpm', reason: 'gone.rpm of /old/9' }],
    unnamed: ['9/secret.rpm'],
  });
});
