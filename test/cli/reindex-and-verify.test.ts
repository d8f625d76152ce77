import { execFileSync } from 'node:child_process';
import { open, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { renderProgress } from '../../src/cli/progress-bar.ts';
import { readSoundRepomd } from '../../src/storage/read-repomd.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { readerOnDisk, readIndex } from '../support/read-index.ts';
import { runRpmyard } from '../support/run-rpmyard.ts';
import { type RunningService, startService } from '../support/run-service.ts';
import { putPackage } from '../support/send-request.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const REPOSITORY = '9/x86_64';
const PATIENT = { index_updater: { quiet_seconds: 3600, max_wait_seconds: 86_400 } };

interface Tree extends AsyncDisposable {
  readonly service: RunningService;
  readonly repositoryDir: string;
}

/** A service with the packages alpha and beta in its repository, published. */
async function startTree(): Promise<Tree> {
  const dir: TempDir = await createTempDir();
  const service = await startService({ root: dir.path, config: PATIENT });
  for (const name of ['alpha', 'beta']) {
    const { status } = await putPackage(service.baseUrl, craftRpm({ name }), 'wait=50&releasever=9');
    expect(status).toBe(201);
  }
  return {
    service,
    repositoryDir: join(service.storageDir, REPOSITORY),
    [Symbol.asyncDispose]: async () => {
      await service.stop();
      await dir.remove();
    },
  };
}

async function putByHand({ repositoryDir }: Tree, name: string): Promise<string> {
  const location = `Packages/${name}-1.0-1.noarch.rpm`;
  await mkdir(dirname(join(repositoryDir, location)), { recursive: true });
  await writeFile(join(repositoryDir, location), craftRpm({ name }));
  return location;
}

async function indexed({ service }: Tree): Promise<readonly string[]> {
  const { packages } = await readIndex(readerOnDisk(service.storageDir, REPOSITORY));
  return [...packages.keys()].toSorted();
}

/** Changes a byte in the middle of a file and nothing else of it. */
async function damage(path: string): Promise<void> {
  await using file = await open(path, 'r+');
  const { size } = await file.stat();
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.floor(size / 2));
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 0xff]), 0, 1, Math.floor(size / 2));
}

async function primaryPath({ repositoryDir }: Tree): Promise<string> {
  const repomd = await readSoundRepomd(repositoryDir);
  return join(repositoryDir, repomd?.data.find(({ type }) => type === 'primary')?.href ?? '');
}

interface Report {
  readonly isSound: boolean;
  readonly repositories: readonly { readonly violations: readonly { readonly code: string }[] }[];
}

async function verifyAsJson({ service }: Tree, ...args: readonly string[]) {
  const { exitCode, stdout } = await runRpmyard('verify', '--json', '-c', service.configPath, ...args);
  const report: Report = JSON.parse(stdout);
  const codes = report.repositories.flatMap(({ violations }) => violations.map(({ code }) => code));
  return { exitCode, isSound: report.isSound, codes };
}

describe.each(['running', 'stopped'])('with the service %s', (state) => {
  async function inState(tree: Tree): Promise<void> {
    if (state === 'stopped') await tree.service.stop();
  }

  test('rpmyard reindex takes up what was put into the tree by hand', async () => {
    await using tree = await startTree();
    await inState(tree);
    const location = await putByHand(tree, 'gamma');
    const result = await runRpmyard('reindex', '-c', tree.service.configPath, REPOSITORY);
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(result.stdout).toMatch(/^tree: \S+\/storage \(\S+\.yml\)\n9\/x86_64: 3 packages, revision \d+\n$/);
    expect(await indexed(tree)).toContain(location);
  });

  test('rpmyard reindex says which packages today’s rules would send elsewhere too, and how to link them', async () => {
    await using tree = await startTree();
    await inState(tree);
    const name = 'old-1-1.el9.i686.rpm';
    await mkdir(join(tree.service.storageDir, '9/i386/Packages'), { recursive: true });
    const bytes = craftRpm({ name: 'old', version: '1', release: '1.el9', arch: 'i686' });
    await writeFile(join(tree.service.storageDir, '9/i386/Packages', name), bytes);
    const result = await runRpmyard('reindex', '-c', tree.service.configPath, '9/i386');
    expect(result).toMatchObject({ exitCode: 0 });
    expect(result.stdout).toContain('9/i386: 1 package would go to 9/x86_64 as well');
    await tree.service.stop();
    const own = join(tree.service.storageDir, '9/i386');
    expect(result.stdout).toContain(`rpmyard adopt ${own}`);
    const adopted = await runRpmyard('adopt', '--apply', '-c', tree.service.configPath, own);
    expect(adopted).toMatchObject({ exitCode: 0 });
    await expect(readdir(join(tree.service.storageDir, '9/x86_64/Packages'))).resolves.toContain(name);
    const again = await runRpmyard('reindex', '-c', tree.service.configPath, '9/i386');
    expect(again.stdout).not.toContain('9/x86_64');
  });

  test('rpmyard reindex names a repository that does not exist, and does the others', async () => {
    await using tree = await startTree();
    await inState(tree);
    await putByHand(tree, 'gamma');
    const result = await runRpmyard('reindex', '-c', tree.service.configPath, '7/none', REPOSITORY);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain('7/none: NOT_FOUND');
    expect(await indexed(tree)).toHaveLength(3);
  });

  test('rpmyard verify finds nothing wrong with a tree that only the service has touched', async () => {
    await using tree = await startTree();
    await inState(tree);
    const result = await runRpmyard('verify', '-c', tree.service.configPath, '--read-data');
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(result.stdout).toContain('9/x86_64: 2 packages, all right\n');
  });

  test('rpmyard verify finds damaged metadata, and --repair makes it anew', async () => {
    await using tree = await startTree();
    await inState(tree);
    await damage(await primaryPath(tree));
    expect(await verifyAsJson(tree)).toMatchObject({
      exitCode: 1,
      isSound: false,
      codes: ['METADATA_CHECKSUM_WRONG'],
    });
    expect(await verifyAsJson(tree, '--repair')).toEqual({ exitCode: 0, isSound: true, codes: [] });
    expect(await indexed(tree)).toHaveLength(2);
  });

  test('rpmyard verify --repair leaves a damaged package and its index as they are', async () => {
    await using tree = await startTree();
    await inState(tree);
    const [first = ''] = await indexed(tree);
    const path = join(tree.repositoryDir, first);
    await damage(path);
    await damage(await primaryPath(tree));
    const before = await readSoundRepomd(tree.repositoryDir);
    const { exitCode, codes } = await verifyAsJson(tree, '--repair');
    expect(exitCode).toBe(1);
    expect(codes).toContain('PACKAGE_DAMAGED');
    expect(await readSoundRepomd(tree.repositoryDir)).toEqual(before);
    await expect(stat(path)).resolves.toBeDefined();
  });

  test('rpmyard verify names a package that is gone with its remedy', async () => {
    await using tree = await startTree();
    await inState(tree);
    const [first = ''] = await indexed(tree);
    await rm(join(tree.repositoryDir, first));
    const result = await runRpmyard('verify', '-c', tree.service.configPath);
    expect(result.exitCode).toBe(1);
    expect(result.stdout).toContain(`error PACKAGE_NOT_ON_DISK ${first}`);
    expect(result.stdout).toContain('reindex');
    for (const line of result.stdout.split('\n')) expect(line.length).toBeLessThan(130);
  });
});

test('rpmyard verify changes nothing, not even a time', async () => {
  await using tree = await startTree();
  await tree.service.stop();
  const root = dirname(tree.service.storageDir);
  const listing = (): string => execFileSync('find', [root, '-printf', '%p %i %m %s %T@ %C@\n']).toString();
  const before = listing();
  expect((await runRpmyard('verify', '-c', tree.service.configPath, '--read-data')).exitCode).toBe(0);
  expect(listing()).toBe(before);
  expect(await readdir(root)).not.toEqual([]);
});

test('rpmyard reindex says whom it cannot reach when another process owns the tree', async () => {
  await using tree = await startTree();
  const elsewhere = `${tree.service.configPath}.other.yml`;
  await writeFile(
    elsewhere,
    JSON.stringify({
      server: { address: '/nonexistent/rpmyard.sock' },
      repo: { top_dir: tree.service.storageDir },
    }),
  );
  const result = await runRpmyard('reindex', '-c', elsewhere);
  expect(result).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('TREE_LOCKED') });
});

describe('the progress bar', () => {
  test.each([
    ['9/x86_64', 0, 20_000],
    ['a-very-long-releasever-with-more/x86_64', 123_456, 999_999],
    ['9/SRPMS', 0, 0],
  ])('of %s fits a terminal of 80 columns', (label, done, total) => {
    expect(renderProgress(label, { done, total }).length).toBeLessThan(80);
  });

  test('shows how much is done', () => {
    expect(renderProgress('9/x86_64', { done: 10_000, total: 20_000 })).toBe(
      `9/x86_64 [${'#'.repeat(15)}${' '.repeat(15)}] 10,000 of 20,000`,
    );
  });
});
