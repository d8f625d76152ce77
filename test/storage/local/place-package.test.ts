import { createHash } from 'node:crypto';
import { link, lstat, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { identityAt } from '../../../src/base/files/file-identity.ts';
import { createLocalRepositories } from '../../../src/storage/local/local-repositories.ts';
import { createPackageFiles, type PackageFiles } from '../../../src/storage/local/package-files.ts';
import {
  type AcknowledgedFile,
  lookAtTargets,
  placePackage,
} from '../../../src/storage/local/place-package.ts';
import type { IncomingPackage } from '../../../src/storage/places.ts';
import {
  createRepositoryLayout,
  type RepositoryLayout,
  type Target,
} from '../../../src/storage/repository-layout.ts';
import { createTurns } from '../../../src/base/turns/take-turns.ts';
import { repo } from '../../support/repo.ts';
import { createTempDir, type TempDir } from '../../support/temp-dir.ts';

let dir: TempDir;
let layout: RepositoryLayout;
let files: PackageFiles;

beforeEach(async () => {
  dir = await createTempDir();
  layout = createRepositoryLayout({
    topDir: join(dir.path, 'storage'),
    releaseverPatterns: [],
    noarchBasearches: ['x86_64', 'aarch64', 's390x'],
    multilib: new Map(),
  });
  files = createPackageFiles(layout);
});

afterEach(() => dir.remove());

const sha256Of = (content: string): string => createHash('sha256').update(content).digest('hex');

interface Upload extends IncomingPackage {
  readonly targets: readonly (Target & { readonly path: string })[];
}

/** A noarch package, hence with three targets. */
async function incoming(content: string, nevra = 'a-1-1.el9.noarch'): Promise<Upload> {
  const path = join(dir.path, `incoming-${sha256Of(content)}`);
  await writeFile(path, content);
  const identity = { name: 'a', version: '1', release: '1.el9', isSource: false, isNoSource: false };
  const targets = layout
    .targetsOf({ ...identity, arch: 'noarch' }, '9')
    .map((target) => ({ ...target, path: layout.pathOf(target) }));
  await Promise.all(targets.map(({ repository }) => createLocalRepositories(layout).create(repository)));
  return { path, sizeBytes: content.length, sha256: sha256Of(content), nevra, targets };
}

const describeStored = async (path: string): Promise<string> =>
  `stored-${await readFile(path, 'utf8')}-1-1.el9.noarch`;

const facts = { describe: describeStored, acknowledgedAt: async () => undefined };

const placeWhole = async (upload: IncomingPackage): Promise<readonly boolean[]> => {
  const states = await lookAtTargets(upload, facts, files);
  await placePackage(upload, states, files);
  return states.map(({ holdsPackage }) => holdsPackage);
};

async function conflictOf(upload: IncomingPackage, stored: (path: string) => Promise<string>) {
  const error = await lookAtTargets(upload, { ...facts, describe: stored }, files).catch(
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError)) throw new Error(`expected an AppError, got ${String(error)}`);
  return error;
}

describe('a place that does not hold what was acknowledged', () => {
  const stateOf = async (upload: IncomingPackage, acknowledged: AcknowledgedFile) =>
    lookAtTargets(upload, { describe: describeStored, acknowledgedAt: async () => acknowledged }, files);

  it('gets the acknowledged bytes in the place of others, in one step', async () => {
    const upload = await incoming('right');
    await placeWhole(upload);
    for (const { path } of upload.targets) {
      await rm(path);
      await writeFile(path, 'wrong');
    }
    const states = await stateOf(upload, { sha256: upload.sha256 });
    expect(states.map(({ isReplaced }) => isReplaced)).toEqual([true, true, true]);
    await placePackage(upload, states, files);
    for (const { path } of upload.targets) {
      expect(await readFile(path, 'utf8')).toBe('right');
      expect(await readdir(dirname(path))).toHaveLength(1);
    }
    expect((await readdir(dir.path)).filter((name) => name.endsWith('.mend'))).toEqual([]);
  });

  it('gets a new signed copy of what was sent before, and nothing else', async () => {
    const upload = await incoming('signed again');
    for (const { path } of upload.targets) await writeFile(path, 'wrong');
    const acknowledged = { sha256: sha256Of('signed'), receivedSha256: sha256Of('sent') };
    const states = await stateOf({ ...upload, receivedSha256: sha256Of('sent') }, acknowledged);
    expect(states.map(({ isReplaced }) => isReplaced)).toEqual([true, true, true]);
    await expect(
      stateOf({ ...upload, receivedSha256: sha256Of('other') }, acknowledged),
    ).rejects.toMatchObject({
      code: 'PACKAGE_CONFLICT',
      details: { acknowledgedSha256: sha256Of('sent') },
    });
  });

  it('is no place for other bytes while it holds the acknowledged ones', async () => {
    const upload = await incoming('sent');
    for (const { path } of upload.targets) await writeFile(path, 'signed');
    const acknowledged = { sha256: sha256Of('signed'), receivedSha256: sha256Of('sent') };
    await expect(stateOf(upload, acknowledged)).rejects.toMatchObject({ code: 'PACKAGE_CONFLICT' });
  });

  it('gets the file itself in the place of a symbolic link to the same bytes', async () => {
    const upload = await incoming('linked');
    for (const { path } of upload.targets) await symlink(upload.path, path);
    expect(await placeWhole(upload)).toEqual([false, false, false]);
    for (const { path } of upload.targets) expect((await lstat(path)).isFile()).toBe(true);
  });
});

describe('placing a package', () => {
  it('links it into every target', async () => {
    const upload = await incoming('bytes');
    expect(await placeWhole(upload)).toEqual([false, false, false]);
    const { ino } = await stat(upload.path);
    for (const { path } of upload.targets) expect((await stat(path)).ino).toBe(ino);
  });

  it('a second time finds it there and changes nothing', async () => {
    const upload = await incoming('bytes');
    await placeWhole(upload);
    const before = upload.targets.map(({ path }) => identityAt(path));
    expect(await placeWhole(upload)).toEqual([true, true, true]);
    expect(upload.targets.map(({ path }) => identityAt(path))).toEqual(before);
  });

  it('completes what a former attempt began', async () => {
    const upload = await incoming('bytes');
    const [, second] = upload.targets;
    if (second === undefined) throw new Error('expected three targets');
    await link(upload.path, second.path);
    expect(await placeWhole(upload)).toEqual([false, true, false]);
    for (const { path } of upload.targets) expect(await readFile(path, 'utf8')).toBe('bytes');
  });

  it('knows it by its bytes, not by its file', async () => {
    await placeWhole(await incoming('bytes'));
    const copy = { ...(await incoming('bytes')), path: join(dir.path, 'copy') };
    await writeFile(copy.path, 'bytes');
    expect(await placeWhole(copy)).toEqual([true, true, true]);
  });

  it('stops with PACKAGE_CONFLICT when a file appears between the look and the link', async () => {
    const upload = await incoming('bytes');
    const states = await lookAtTargets(upload, facts, files);
    const [, second] = upload.targets;
    await writeFile(second?.path ?? '', 'by hand');
    await expect(placePackage(upload, states, files)).rejects.toMatchObject({
      code: 'PACKAGE_CONFLICT',
      message: expect.stringContaining(second?.repository ?? ''),
    });
    expect(await readFile(second?.path ?? '', 'utf8')).toBe('by hand');
  });

  it('syncs the name in every target, and the bytes too of those that were there', async () => {
    const upload = await incoming('bytes');
    const [first] = upload.targets;
    await link(upload.path, first?.path ?? '');
    const states = await lookAtTargets(upload, facts, files);
    const whole: string[] = [];
    const names: string[] = [];
    await placePackage(upload, states, {
      ...files,
      sync: async (target) => void whole.push(files.pathOf(target)),
      syncName: async (target) => void names.push(files.pathOf(target)),
    });
    expect(whole).toEqual([first?.path]);
    expect(names.toSorted()).toEqual(
      upload.targets
        .slice(1)
        .map(({ path }) => path)
        .toSorted(),
    );
  });

  it('fails when one target cannot be synced', async () => {
    const upload = await incoming('bytes');
    const states = await lookAtTargets(upload, facts, files);
    const fault = new Error('EIO');
    const failing = {
      ...files,
      syncName: (target: Target) =>
        target.repository.includes('s390x') ? Promise.reject(fault) : files.syncName(target),
    };
    await expect(placePackage(upload, states, failing)).rejects.toBe(fault);
  });
});

describe('a conflict', () => {
  it('with the same NEVRA names both digests and asks for another release', async () => {
    await placeWhole(await incoming('old'));
    const upload = await incoming('new');
    const error = await conflictOf(upload, async () => upload.nevra);
    expect(error).toMatchObject({ code: 'PACKAGE_CONFLICT', statusCode: 409 });
    expect(error.message).toContain(sha256Of('old'));
    expect(error.message).toContain(sha256Of('new'));
    expect(error.hint).toContain('release');
    expect(error.details).toMatchObject({
      storedSha256: sha256Of('old'),
      sentSha256: sha256Of('new'),
      storedNevra: upload.nevra,
      sentNevra: upload.nevra,
    });
  });

  it('of two epochs at one file name names both packages', async () => {
    await placeWhole(await incoming('old'));
    const upload = await incoming('new', 'a-2:1-1.el9.noarch');
    const error = await conflictOf(upload, async () => 'a-1:1-1.el9.noarch');
    expect(error.code).toBe('PACKAGE_CONFLICT');
    expect(error.message).toContain('a-1:1-1.el9.noarch');
    expect(error.message).toContain('a-2:1-1.el9.noarch');
    expect(error.details).toMatchObject({ storedNevra: 'a-1:1-1.el9.noarch', sentNevra: upload.nevra });
  });

  it('in one of several targets leaves the others alone', async () => {
    const upload = await incoming('new');
    const third = upload.targets[2];
    await writeFile(third?.path ?? '', 'other');
    expect((await conflictOf(upload, describeStored)).details['repository']).toBe(third?.repository);
    for (const { path } of upload.targets.slice(0, 2)) {
      await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
    }
  });

  it.each([
    ['a directory', (path: string) => mkdir(path)],
    ['a link that leads nowhere', (path: string) => symlink('/nonexistent', path)],
    ['a link to other bytes', (path: string) => symlink(import.meta.filename, path)],
  ])('is what lies there and is no file: %s', async (_, put) => {
    const upload = await incoming('bytes');
    await put(upload.targets[1]?.path ?? '');
    const error = await conflictOf(upload, describeStored);
    expect(error).toMatchObject({ code: 'PACKAGE_CONFLICT', statusCode: 409 });
    expect(error.message).toContain('is no regular file');
  });

  it('is no conflict when the repository is not even there', async () => {
    const upload = await incoming('bytes');
    const targets = upload.targets.map(({ location }) => ({ repository: repo('7/x86_64'), location }));
    const states = await lookAtTargets({ ...upload, targets }, facts, files);
    expect(states.map(({ holdsPackage }) => holdsPackage)).toEqual([false, false, false]);
  });
});

describe('two uploads of one name at the same time', () => {
  it('end with one placed and the other refused, and never with mixed targets', async () => {
    await mkdir(join(dir.path, 'storage'));
    const takeTurns = createTurns();
    const uploads = [await incoming('one'), await incoming('two')];
    const results = await Promise.allSettled(
      uploads.map((upload) => takeTurns('a-1-1.el9.noarch.rpm', () => placeWhole(upload))),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    const held = await Promise.all((uploads[0]?.targets ?? []).map(({ path }) => readFile(path, 'utf8')));
    expect(held).toEqual(['one', 'one', 'one']);
    expect(results[1]).toMatchObject({ reason: { code: 'PACKAGE_CONFLICT' } });
  });

  it('of the same bytes end with one placed and the other unchanged', async () => {
    const takeTurns = createTurns();
    const uploads = [await incoming('same'), { ...(await incoming('same')), path: join(dir.path, 'copy') }];
    await writeFile(join(dir.path, 'copy'), 'same');
    const results = await Promise.all(
      uploads.map((upload) => takeTurns(dirname(upload.targets[0]?.path ?? ''), () => placeWhole(upload))),
    );
    expect(results).toEqual([
      [false, false, false],
      [true, true, true],
    ]);
  });
});
