import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { listGenerations } from '../../src/storage/generations.ts';
import { generationName } from '../../src/rpm/repodata-names.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { createGpgKeys, type GpgKeys } from '../support/gpg-keys.ts';
import { isLongRun } from '../support/is-long-run.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { putPackage, reindex, sendRequest } from '../support/send-request.ts';
import { createDnfHost, createZypperHost, type SignedHost } from '../support/signed-hosts.ts';

const REPOSITORY = '9/x86_64';
const KEY_URL = '/repo/RPM-GPG-KEY-rpmyard';
const PUBLISHING_MS = isLongRun ? 20_000 : 5_000;
const MIN_REFRESHES = isLongRun ? 5 : 2;

const withKeys = (home: GpgKeys, keys: readonly string[]) => ({
  config: { signing: { keys, gnupg_home: home.path } },
});

async function upload(site: Site, name: string): Promise<void> {
  const bytes = craftRpm({ name, files: [{ path: `/opt/${name}`, content: name }] });
  expect((await putPackage(site.baseUrl, bytes, 'wait=50')).status).toBe(201);
}

/** Everywhere that clients may get it from. */
async function everyCopy(site: Site, name: string): Promise<readonly string[]> {
  const repodata = join(site.storageDir, REPOSITORY, 'repodata');
  const newest = (await listGenerations(join(site.storageDir, REPOSITORY))).at(-1) ?? 0;
  return [join(repodata, name), join(repodata, generationName(newest), name)];
}

async function alter(path: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace(/<revision>|\n[A-Za-z0-9+/]{4}/, '$&1'));
}

const CLIENTS = [
  ['dnf', createDnfHost, '-y'],
  ['zypper', createZypperHost, '--gpg-auto-import-keys'],
] as const;

describe.each(CLIENTS)('%s, set up with the .repo file', (_name, createHost, importKeys) => {
  test('imports the key, refuses what was altered or is not signed, and goes on when it is mended', async () => {
    await using home = await createGpgKeys();
    await using site = await startSite(withKeys(home, [await home.makeKey('signer')]));
    expect((await sendRequest(site.baseUrl, { path: KEY_URL })).text).toMatch(/^-----BEGIN PGP PUBLIC KEY/);
    await upload(site, 'alpha');
    const host = await createHost(site.baseUrl, join(site.workDir, 'host'));
    expect((await host.refresh()).exitCode, 'without the key').not.toBe(0);
    expect(await host.refresh(importKeys)).toMatchObject({ exitCode: 0 });
    expect(await host.install('alpha')).toMatchObject({ exitCode: 0 });
    await expect(readFile(join(host.root, 'opt/alpha'), 'utf8')).resolves.toBe('alpha');

    // What `?wait=` says: the next look of a host sees it, although it knows an older generation.
    await upload(site, 'beta');
    expect(await host.look()).toMatchObject({ exitCode: 0 });
    expect(await host.install('beta')).toMatchObject({ exitCode: 0 });
    await expect(readFile(join(host.root, 'opt/beta'), 'utf8')).resolves.toBe('beta');

    for (const spoil of [
      async () => Promise.all((await everyCopy(site, 'repomd.xml')).map(alter)),
      async () => Promise.all((await everyCopy(site, 'repomd.xml.asc')).map(alter)),
      async () => Promise.all((await everyCopy(site, 'repomd.xml.asc')).map((path) => rm(path))),
    ]) {
      await spoil();
      expect((await host.refresh(importKeys)).exitCode).not.toBe(0);
      // It finds what was altered and publishes again.
      expect((await reindex(site.baseUrl, REPOSITORY)).status).toBe(200);
      expect(await host.refresh()).toMatchObject({ exitCode: 0 });
    }
  });

  test('changes over to another key as docs/operations.md says', async () => {
    await using home = await createGpgKeys();
    const [old, young] = [await home.makeKey('old'), await home.makeKey('young')];
    await using site = await startSite(withKeys(home, [old]));
    await upload(site, 'alpha');
    const host = await createHost(site.baseUrl, join(site.workDir, 'host'));
    expect(await host.refresh(importKeys)).toMatchObject({ exitCode: 0 });

    // 1. Both are published, the old one signs: nothing changes for any host.
    await site.service.stop();
    await site.restart(withKeys(home, [old, young]));
    await upload(site, 'beta');
    expect(await host.refresh()).toMatchObject({ exitCode: 0 });

    // 2. The young one signs, on what was published before too: a host that has not imported it asks, and may.
    await site.service.stop();
    await site.restart(withKeys(home, [young, old]));
    expect((await reindex(site.baseUrl, REPOSITORY)).status).toBe(200);
    const fresh = await createHost(site.baseUrl, join(site.workDir, 'fresh'));
    expect(await fresh.refresh(importKeys)).toMatchObject({ exitCode: 0 });
    expect((await host.refresh()).exitCode).not.toBe(0);
    expect(await host.refresh(importKeys)).toMatchObject({ exitCode: 0 });

    // 3. The old one goes: no host needs it any more.
    await site.service.stop();
    await site.restart(withKeys(home, [young]));
    await upload(site, 'gamma');
    for (const one of [host, fresh]) expect(await one.refresh()).toMatchObject({ exitCode: 0 });
  });
});

test('a zypper host that was told the URL alone finds the key beside the signature', async () => {
  await using home = await createGpgKeys();
  const [signer, spare] = [await home.makeKey('signer'), await home.makeKey('spare')];
  await using site = await startSite(withKeys(home, [signer, spare]));
  await upload(site, 'alpha');
  const withoutKey = (text: string): string => text.replace(/^(?:gpgkey|mirrorlist\w*)=.*\n/gm, '');
  const host = await createZypperHost(site.baseUrl, join(site.workDir, 'host'), withoutKey);
  expect((await host.refresh()).exitCode, 'without the key').not.toBe(0);
  expect(await host.refresh('--gpg-auto-import-keys')).toMatchObject({ exitCode: 0 });
  expect(await host.install('alpha')).toMatchObject({ exitCode: 0 });

  // Without signatures there is nothing to look at, and nothing that misleads.
  await site.service.stop();
  await site.restart({});
  expect((await reindex(site.baseUrl, REPOSITORY)).status).toBe(200);
  for (const name of ['repomd.xml.asc', 'repomd.xml.key']) {
    for (const path of await everyCopy(site, name)) expect(existsSync(path), path).toBe(false);
  }
});

test('a zypper host that imported both keys beforehand does not notice the change', async () => {
  await using home = await createGpgKeys();
  const [old, young] = [await home.makeKey('old'), await home.makeKey('young')];
  await using site = await startSite(withKeys(home, [old, young]));
  await upload(site, 'alpha');
  const host = await createZypperHost(site.baseUrl, join(site.workDir, 'host'));
  const keys = join(site.workDir, 'keys.asc');
  await writeFile(keys, (await sendRequest(site.baseUrl, { path: KEY_URL })).bytes);
  // Debian's rpm has its database below the home.
  await execa('rpmkeys', ['--root', host.root, '--import', keys], { env: { HOME: host.root } });
  expect(await host.refresh()).toMatchObject({ exitCode: 0 });
  await site.service.stop();
  await site.restart(withKeys(home, [young]));
  expect((await reindex(site.baseUrl, REPOSITORY)).status).toBe(200);
  expect(await host.refresh()).toMatchObject({ exitCode: 0 });
});

/** What a client without a cache gets: repomd.xml, and its signature a moment later. */
async function readPair(site: Site, base: string): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const name of ['repomd.xml', 'repomd.xml.asc']) {
    const { status, text } = await sendRequest(site.baseUrl, { path: `${base}repodata/${name}` });
    expect(status).toBe(200);
    texts.push(text);
  }
  return texts;
}

/** Every pair that was ever published. */
async function publishedPairs(site: Site): Promise<ReadonlySet<string>> {
  const repositoryDir = join(site.storageDir, REPOSITORY);
  const pairs = new Set<string>();
  for (const number of await listGenerations(repositoryDir)) {
    const directory = join(repositoryDir, 'repodata', generationName(number));
    pairs.add(
      JSON.stringify([
        await readFile(join(directory, 'repomd.xml'), 'utf8'),
        await readFile(join(directory, 'repomd.xml.asc'), 'utf8'),
      ]),
    );
  }
  return pairs;
}

const TORN = /Signature verification failed for file 'repomd\.xml'/;

test('while a publisher publishes without a pause, dnf always gets a signature that fits, and zypper does at the latest when it looks again', async () => {
  await using home = await createGpgKeys();
  await using site = await startSite(withKeys(home, [await home.makeKey('signer')]));
  await upload(site, 'alpha');
  const hosts = await Promise.all(
    CLIENTS.map(([name, createHost]) => createHost(site.baseUrl, join(site.workDir, name))),
  );
  for (const [index, [, , importKeys]] of CLIENTS.entries()) await hosts[index]?.refresh(importKeys);

  const untilMs = performance.now() + PUBLISHING_MS;
  const reading = new Set(hosts);
  const publisher = async (): Promise<void> => {
    for (let number = 0; performance.now() < untilMs || reading.size > 0; number += 1) {
      await upload(site, `more${number}`);
    }
  };
  const reader = async (host: SignedHost): Promise<readonly string[]> => {
    const failures: string[] = [];
    for (let refreshes = 0; performance.now() < untilMs || refreshes < MIN_REFRESHES; refreshes += 1) {
      const { exitCode, stdout, stderr } = await host.refresh();
      if (exitCode !== 0) failures.push(`${stdout}${stderr}`);
    }
    reading.delete(host);
    return failures;
  };
  const pairs: (readonly string[])[] = [];
  const pairReader = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      const list = await sendRequest(site.baseUrl, { path: `/repo/${REPOSITORY}/mirrorlist` });
      const [first = ''] = list.text.split('\n');
      pairs.push(await readPair(site, new URL(first).pathname));
    }
  };
  const [, , ...failures] = await Promise.all([publisher(), pairReader(), ...hosts.map(reader)]);
  // zypper asks the plain URL for two files, one after the other: it refuses a pair that does not fit, and keeps what it has.
  const [ofDnf, ofZypper = []] = failures;
  expect(ofDnf).toEqual([]);
  expect(ofZypper.filter((text) => !TORN.test(text))).toEqual([]);
  for (const host of hosts) {
    expect(await host.look()).toMatchObject({ exitCode: 0 });
    expect(await host.install('more0')).toMatchObject({ exitCode: 0 });
  }

  const published = await publishedPairs(site);
  expect(published.size).toBeGreaterThan(MIN_REFRESHES);
  expect(pairs.length).toBeGreaterThan(published.size);
  expect(pairs.filter((pair) => !published.has(JSON.stringify(pair)))).toEqual([]);
});
