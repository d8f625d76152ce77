import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { userInfo } from 'node:os';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { findFreePort } from '../support/free-port.ts';
import { createGpgKeys } from '../support/gpg-keys.ts';
import { isLongRun } from '../support/is-long-run.ts';
import { launchNginx } from '../support/launch-nginx.ts';
import { readIndex, readerOnDisk } from '../support/read-index.ts';
import { type Front, type Site, startSite } from '../support/run-site.ts';
import { putPackage, sendRequest, sha256Of } from '../support/send-request.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

// The recipes of docs/mirroring.md, as they stand there, in a loop while packages come.

const PAGE = new URL('../../docs/mirroring.md', import.meta.url);
const COPYING_MS = isLongRun ? 10_000 : 3_000;
/** Meanwhile, on a busy machine too. */
const LEAST_UPLOADS = isLongRun ? 3 : 1;
const REPOSITORY = '9/x86_64';
const PLUGINS = 'plugins/usr/lib/python3/dist-packages';

const FRONTS_AND_SIGNING: readonly [Front, string][] = [
  ['nginx', 'signed'],
  ['none', 'unsigned'],
];
const THE_OTHER_WAY_ROUND: readonly [Front, string][] = [
  ['nginx', 'unsigned'],
  ['none', 'signed'],
];

let pluginDir: TempDir;

interface Recipe {
  readonly tool: string;
  readonly script: string;
}

async function readRecipes(): Promise<readonly Recipe[]> {
  const page = await readFile(PAGE, 'utf8');
  const blockOf = (tool: string): string => {
    const block = new RegExp(`^\`\`\`sh with ${tool}\\n(?<script>[^]*?)^\`\`\`$`, 'm').exec(page)?.groups?.[
      'script'
    ];
    if (block === undefined) throw new Error(`docs/mirroring.md has no recipe with ${tool}`);
    return block;
  };
  const wget = blockOf('wget');
  // A function: `$` would mean something in a text.
  const lftp = wget.replace(/^wget -q -e .*\n/m, () => blockOf('lftp'));
  expect(lftp).toContain('lftp');
  return [
    { tool: 'rsync', script: blockOf('rsync') },
    { tool: 'wget', script: wget },
    { tool: 'lftp', script: lftp },
    { tool: 'reposync', script: blockOf('reposync') },
  ];
}

/** The recipe for this site, and for metadata that is not signed as the page says. */
function adapt({ tool, script }: Recipe, site: Site, signing: string): { script: string; to: string } {
  const to = join(site.workDir, `copy-with-${tool}`);
  const adapted = script
    .replaceAll('repo.example.com:/srv/repo/storage', site.storageDir)
    .replaceAll('https://repo.example.com', site.baseUrl)
    .replaceAll('/srv/mirror/9/x86_64', join(to, REPOSITORY))
    .replace('dnf reposync', () => dnfReposync(site));
  return { to, script: signing === 'signed' ? adapted : adapted.replace(/^.*# signed\n/gm, '') };
}

/** dnf with the plugin, and with nothing of this machine's own. */
function dnfReposync({ workDir }: Site): string {
  const root = join(workDir, 'dnf');
  const plugins = join(pluginDir.path, PLUGINS);
  const options = [
    `pluginpath=${join(plugins, 'dnf-plugins')}`,
    'reposdir=/nonexistent',
    'varsdir=/nonexistent',
    ...['cachedir', 'persistdir', 'logdir'].map((name) => `${name}=${join(root, name)}`),
  ];
  const setopts = options.map((option) => `--setopt=${option}`).join(' ');
  return `PYTHONPATH=${plugins} dnf -q ${setopts} --releasever=9 --forcearch=x86_64 reposync`;
}

/** Debian's package of dnf's plugins cannot be installed beside zypper. */
async function fetchDnfPlugins(): Promise<void> {
  const download = 'apt-get -q download dnf-plugins-core';
  const script = `${download} || { apt-get -q update && ${download}; } && dpkg-deb -x dnf-plugins-core_*.deb plugins`;
  await execa('sh', ['-c', script], { cwd: pluginDir.path, timeout: 120_000 });
}

/** @returns how many packages there are. @throws Error when the copy is not whole, or its signature is not good. */
async function checkCopy(to: string, keyring: string | undefined): Promise<number> {
  const read = readerOnDisk(to, REPOSITORY);
  const { packages } = await readIndex(read);
  for (const [location, sha256] of packages) {
    if (sha256Of(await read(location)) !== sha256) throw new Error(`${location} has other bytes`);
  }
  const repomd = join(to, REPOSITORY, 'repodata/repomd.xml');
  if (keyring !== undefined) await execa('gpgv', ['--keyring', keyring, `${repomd}.asc`, repomd]);
  return packages.size;
}

async function copyAgainAndAgain(script: string, to: string, keyring: string | undefined, over: AbortSignal) {
  const counts: number[] = [];
  while (!over.aborted) {
    await execa('sh', ['-c', script], { env: { HOME: to }, timeout: 60_000 });
    counts.push(await checkCopy(to, keyring));
  }
  return counts;
}

async function uploadAgainAndAgain(site: Site, over: AbortSignal): Promise<number> {
  let number = 1;
  while (!over.aborted) {
    const { status } = await putPackage(site.baseUrl, craftRpm({ name: `package${number}` }), 'wait=10');
    if (status === 201) number += 1;
  }
  return number;
}

describe('copies made during uploads', () => {
  beforeAll(async () => {
    pluginDir = await createTempDir();
    await fetchDnfPlugins();
  });
  afterAll(() => pluginDir.remove());

  it.each(isLongRun ? [...FRONTS_AND_SIGNING, ...THE_OTHER_WAY_ROUND] : FRONTS_AND_SIGNING)(
    'through %s are whole and verify: %s',
    async (front, signing) => {
      await using home = await createGpgKeys();
      const key = await home.makeKey('signer');
      const keyring = join(home.path, 'public.gpg');
      await writeFile(keyring, await home.gpg(['--export', key]));
      const isSigned = signing === 'signed';
      await using site = await startSite({
        front,
        config: isSigned ? { signing: { keys: [key], gnupg_home: home.path } } : {},
      });
      await mkdir(join(site.workDir, 'dnf/logdir'), { recursive: true });
      expect(await putPackage(site.baseUrl, craftRpm({ name: 'first' }), 'wait=50')).toMatchObject({
        status: 201,
      });

      const over = AbortSignal.timeout(COPYING_MS);
      const copies = (await readRecipes()).map((recipe) => ({
        ...adapt(recipe, site, signing),
        tool: recipe.tool,
      }));
      await Promise.all(copies.map(({ to }) => mkdir(to)));
      const [uploads, ...counts] = await Promise.all([
        uploadAgainAndAgain(site, over),
        ...copies.map(({ script, to }) =>
          copyAgainAndAgain(script, to, isSigned ? keyring : undefined, over),
        ),
      ]);
      expect(uploads).toBeGreaterThan(LEAST_UPLOADS);
      for (const [index, { tool }] of copies.entries()) {
        expect(counts[index]?.length, tool).toBeGreaterThan(0);
        // Once more, when it is quiet: nothing is left out.
        const { script = '', to = '' } = copies[index] ?? {};
        await execa('sh', ['-c', script], { env: { HOME: to } });
        expect(await checkCopy(to, isSigned ? keyring : undefined), tool).toBe(uploads);
      }
    },
    120_000,
  );
});

describe('a cache in front, with the nginx configuration of the page', () => {
  it('shows what is new soon, gives it while the server is down, and keeps nothing that a token was needed for', async () => {
    await using site = await startSite({ front: 'none' });
    expect(await putPackage(site.baseUrl, craftRpm({ name: 'first' }), 'wait=50')).toMatchObject({
      status: 201,
    });
    await using cache = await startCacheOfPage(site);
    const path = `/repo/${REPOSITORY}/repodata/repomd.xml`;
    const former = await sendRequest(cache.baseUrl, { path });
    expect(former).toMatchObject({ status: 200, headers: { 'x-cache': 'MISS' } });
    const headers = { authorization: 'Bearer token' };
    expect(await sendRequest(cache.baseUrl, { path, headers })).toMatchObject({
      headers: { 'x-cache': 'BYPASS' },
    });

    await putPackage(site.baseUrl, craftRpm({ name: 'second' }), 'wait=50');
    const { text } = await sendRequest(site.baseUrl, { path });
    await eventually(async () => expect((await sendRequest(cache.baseUrl, { path })).text).toBe(text));

    await site.service.stop();
    await eventually(async () => {
      const bridged = await sendRequest(cache.baseUrl, { path });
      expect(bridged).toMatchObject({ status: 200, text, headers: { 'x-cache': 'STALE' } });
    });
  });
});

async function startCacheOfPage(site: Site): Promise<AsyncDisposable & { readonly baseUrl: string }> {
  const page = await readFile(PAGE, 'utf8');
  const block = /^```nginx cache\n(?<block>[^]*?)^```$/m.exec(page)?.groups?.['block'] ?? '';
  const [dir, port] = [join(site.workDir, 'cache'), await findFreePort()];
  await mkdir(dir);
  const conf = block
    .replace('/var/cache/nginx/rpmyard', `${dir}/cache`)
    .replace('listen 80;', `listen 127.0.0.1:${port};`)
    .replace('https://repo.example.com', site.baseUrl)
    .replace('200 10s', '200 1s');
  const { uid, username } = userInfo();
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (of) => `${of}_temp_path ${dir}/${of};`,
  );
  await writeFile(
    join(dir, 'nginx.conf'),
    `${uid === 0 ? `user ${username};` : ''}
daemon off;
pid ${dir}/nginx.pid;
events {}
http { access_log off; ${temp.join(' ')} ${conf} }
`,
  );
  const stop = await launchNginx(dir, port);
  return { baseUrl: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: stop };
}
