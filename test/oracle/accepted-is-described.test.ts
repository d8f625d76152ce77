import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { describePackage } from '../../src/indexing/engines/incremental/describe-package.ts';
import { inspectPackage } from '../../src/intake/inspect-package.ts';
import { NO_THREADS } from '../../src/intake/inspection-threads.ts';
import { SignatureTag } from '../../src/rpm/rpm-parser/tag.ts';
import { corpus } from '../support/corpus.ts';
import { type CraftSpec, craftRpm, formatSix, int32Tag, replaceTags } from '../support/craft-rpm.ts';
import { lacks } from '../support/lacks.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const LOCATION = 'Packages/a.rpm';

let dir: TempDir;
beforeEach(async () => {
  dir = await createTempDir();
  mkdirSync(join(dir.path, 'Packages'));
});
afterEach(() => dir.remove());

/** The code of the refusal on intake, or 'taken', and what becomes of the package in an index. */
async function passThrough(bytes: Uint8Array): Promise<{ readonly intake: string; readonly index: string }> {
  const path = join(dir.path, LOCATION);
  writeFileSync(path, bytes);
  const upload = { path, sizeBytes: statSync(path).size, sha256: undefined, expectedDigests: [] };
  const intake = await inspectPackage(upload, NO_THREADS).then(
    () => 'taken',
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );
  const description = describePackage(dir.path, { location: LOCATION, sha256: undefined });
  return { intake, index: description.outcome === 'left-out' ? description.reason : description.outcome };
}

const PAYLOAD = Buffer.alloc(5000);

describe('what intake takes', () => {
  it.each<[string, CraftSpec]>([
    ['a package with a file and a changelog', { files: [{ path: '/usr/bin/a', content: 'a' }] }],
    ['texts in Latin-1', { summary: Buffer.from('grün', 'latin1') }],
    ['a size that is wrong', { editSignature: replaceTags(int32Tag(SignatureTag.SIZE, [12_345_678])) }],
    ['format 6', { payload: PAYLOAD, ...formatSix(PAYLOAD.length) }],
    ['a source package', { isSource: true, files: [{ path: 'a.spec', content: 'Name: a' }] }],
  ])('is described by the index: %s', async (_, spec) => {
    expect(await passThrough(craftRpm(spec))).toEqual({ intake: 'taken', index: 'described' });
  });

  it.each<[string, CraftSpec, string]>([
    ['a delta', { payloadFormat: 'drpm' }, 'RPM_PAYLOAD_UNSUPPORTED'],
    ['a control character', { dependencies: { requires: [{ name: 'a\u0001b' }] } }, 'TEXT_NOT_XML'],
    [
      'a dependency that hosts crash on',
      { dependencies: { supplements: [{ name: `(${'a or '.repeat(100_000)}a)` }] } },
      'DEPENDENCY_INVALID',
    ],
  ])('is not what the index leaves out: %s', async (_, spec, code) => {
    const { intake, index } = await passThrough(craftRpm(spec));
    expect(intake).toBe(code);
    expect(index).not.toBe('described');
  });

  it.skipIf(lacks('the corpus'))(
    'is described by the index, each package of the corpus (needs the corpus)',
    async () => {
      const broken: string[] = [];
      let taken = 0;
      for (const { path, name } of corpus ?? []) {
        const { intake, index } = await passThrough(readFileSync(path));
        if (intake !== 'taken') continue;
        taken += 1;
        if (index !== 'described') broken.push(`${name}: ${index}`);
      }
      expect(broken).toEqual([]);
      expect(taken).toBeGreaterThan(50);
    },
  );
});
