import { cp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { ERROR_STATUS } from '../../src/errors.ts';
import { type CorpusFile, corpus } from '../support/corpus.ts';
import { eventually } from '../support/eventually.ts';
import { describeMetadata } from '../support/describe-metadata.ts';
import { lacks } from '../support/lacks.ts';
import { readerOnDisk, readIndex } from '../support/read-index.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { type HttpAnswer, putPackage, sendRequest } from '../support/send-request.ts';

const UPLOADERS = 4;

interface Result {
  readonly file: CorpusFile;
  readonly answer: HttpAnswer;
}

/** Uploads every file; those whose release tag names no distribution go to release 9. */
async function uploadAll(site: Site, files: readonly CorpusFile[]): Promise<readonly Result[]> {
  const waiting = [...files];
  const results: Result[] = [];
  const uploader = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const bytes = await readFile(file.path);
      const first = await putPackage(site.baseUrl, bytes);
      const isUndecided = first.text.includes('RELEASEVER_UNKNOWN');
      results.push({
        file,
        answer: isUndecided ? await putPackage(site.baseUrl, bytes, 'releasever=9') : first,
      });
    }
  };
  await Promise.all(Array.from({ length: UPLOADERS }, uploader));
  return results;
}

/** The names of packages with text that XML cannot hold: createrepo_c leaves them out, or writes what no client reads. */
function oddlyWorded(results: readonly Result[]): ReadonlySet<string> {
  const odd = results.filter(({ answer }) => answer.text.includes('"TEXT_NOT_XML"'));
  return new Set(
    odd.flatMap(({ answer }) =>
      [...answer.text.matchAll(/Packages\/([^"]+\.rpm)"/g)].map(([, name]) => name ?? ''),
    ),
  );
}

function withoutNames(
  packages: Readonly<Record<string, unknown>>,
  names: ReadonlySet<string>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(packages).filter(
      ([, described]) => ![...names].some((name) => JSON.stringify(described).includes(`"Packages/${name}"`)),
    ),
  );
}

const isAccepted = ({ answer }: Result): boolean => answer.status === 200 || answer.status === 201;

/** Waits until every repository is published and gives their names. */
async function publishedRepositories(site: Site): Promise<readonly string[]> {
  return eventually(async () => {
    const { text } = await sendRequest(site.baseUrl, { path: '/api/v1/repositories' });
    const states = [...text.matchAll(/"repository":"([^"]+)","state":"([^"]+)"/g)];
    expect(states.filter(([, , state]) => state !== 'clean')).toEqual([]);
    return states.map(([, repository = '']) => repository);
  });
}

/** createrepo_c loses some bytes of Latin-1 (docs/decisions/0008), which is no matter here. */
function withoutLatin1(packages: Readonly<Record<string, unknown>>): unknown {
  return JSON.parse(JSON.stringify(packages).replaceAll(/[\u0080-\u00bf]/g, ''));
}

describe.skipIf(lacks('the corpus'))('the corpus of packages, real and hostile (needs the corpus)', () => {
  test('is taken or refused with a code, without a fault of ours, and what is taken is indexed as createrepo_c does', async () => {
    await using site = await startSite();
    const results = await uploadAll(site, corpus ?? []);

    for (const { file, answer } of results.filter((result) => !isAccepted(result))) {
      const refusal = answer.json();
      expect(refusal, file.name).toMatchObject({
        status: answer.status,
        code: expect.toSatisfy((code: string) => Object.hasOwn(ERROR_STATUS, code)),
        detail: expect.stringMatching(/./),
        hint: expect.stringMatching(/./),
      });
      expect(answer.status, file.name).toBeLessThan(500);
    }
    const accepted = results.filter(isAccepted);
    expect(accepted.filter(({ file }) => file.queryStatus !== 0)).toEqual([]);
    expect(accepted.length).toBeGreaterThan(results.length / 2);
    await eventually(async () => expect(await site.leftovers()).toEqual([]));

    const repositories = await publishedRepositories(site);
    expect(repositories.length).toBeGreaterThan(5);
    const odd = oddlyWorded(accepted);
    expect(odd.size).toBeLessThan(accepted.length / 10);
    for (const repository of repositories) {
      // Links, client configuration and metadata of ours do not belong into the copy.
      const copy = join(site.workDir, 'copy', repository);
      await cp(join(site.storageDir, repository, 'Packages'), join(copy, 'Packages'), {
        recursive: true,
        preserveTimestamps: true,
      });
      const stored = await readdir(join(copy, 'Packages'));
      for (const name of odd) await rm(join(copy, 'Packages', name), { force: true });
      await execa('createrepo_c', ['--quiet', copy], { stdin: 'ignore' });
      const ours = withoutNames(await describeMetadata(join(site.storageDir, repository)), odd);
      expect(withoutLatin1(ours), repository).toEqual(withoutLatin1(await describeMetadata(copy)));
      // And by a reader that checks what repomd.xml says of its files.
      const { packages } = await readIndex(readerOnDisk(site.storageDir, repository));
      expect([...packages.keys()].toSorted()).toEqual(stored.map((name) => `Packages/${name}`).toSorted());
    }
  });
});
