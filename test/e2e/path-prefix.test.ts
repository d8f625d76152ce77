import { createHash, createHmac, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hashToken, newToken } from '../../src/trust/token-hash.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { findFreePort } from '../support/free-port.ts';
import { createGpgKeys } from '../support/gpg-keys.ts';
import { launchNginx } from '../support/launch-nginx.ts';
import { runPush } from '../support/run-push.ts';
import { type SiteOptions, startSite } from '../support/run-site.ts';
import { sendRequest, sha256Of } from '../support/send-request.ts';
import { createDnfHost } from '../support/signed-hosts.ts';
import { createTempDir } from '../support/temp-dir.ts';

const PREFIX = '/rpms';
const TUS = { 'tus-resumable': '1.0.0' };

/** Another nginx of the site's administrator, which passes what is below the prefix on as docs/operations.md says. */
async function startProxy(ownDir: string, port: number, upstream: string): Promise<() => Promise<void>> {
  await mkdir(ownDir, { recursive: true });
  const conf = `
    daemon off;
    pid ${ownDir}/nginx.pid;
    events {}
    http {
      access_log off;
      client_body_temp_path ${ownDir}/body;
      proxy_temp_path ${ownDir}/proxy;
      fastcgi_temp_path ${ownDir}/fastcgi;
      uwsgi_temp_path ${ownDir}/uwsgi;
      scgi_temp_path ${ownDir}/scgi;
      server {
        listen 127.0.0.1:${port};
        absolute_redirect off;
        location ${PREFIX}/ {
          client_max_body_size 4g;
          proxy_request_buffering off;
          proxy_http_version 1.1;
          proxy_set_header Host $http_host;
          proxy_pass ${upstream}/;
          proxy_redirect /repo/ ${PREFIX}/repo/;
        }
      }
    }`;
  await writeFile(join(ownDir, 'nginx.conf'), conf);
  return launchNginx(ownDir, port);
}

test.each(['none', 'nginx'] as const)(
  'all that a client is told leads below the path of public_url, in front of: %s',
  async (front) => {
    await using temp = await createTempDir();
    await using home = await createGpgKeys();
    const port = await findFreePort();
    const origin = `http://127.0.0.1:${port}`;
    const [token, secret] = [newToken(), randomBytes(32).toString('hex')];
    const keyFile = join(temp.path, 'build1.key');
    await writeFile(keyFile, secret, { mode: 0o600 });
    const options: SiteOptions = {
      front,
      config: {
        server: { public_url: `${origin}${PREFIX}/` },
        signing: { keys: [await home.makeKey('signer')], gnupg_home: home.path },
        access: {
          tokens: [{ name: 'ci', hash: hashToken(token), upload: ['*'] }],
          keys: [{ id: 'build1', file: keyFile, upload: ['*'] }],
        },
      },
    };
    await using site = await startSite(options);
    await using stack = new AsyncDisposableStack();
    stack.defer(await startProxy(join(temp.path, 'proxy'), port, site.baseUrl));
    const authorization = `Bearer ${token}`;
    const ask = (path: string, headers = {}) => sendRequest(origin, { path, headers });
    const follow = async (path: string): Promise<number> => {
      const { status, headers } = await ask(path);
      expect([301, 302], path).toContain(status);
      return (await ask(new URL(headers.location ?? '', `${origin}${path}`).pathname)).status;
    };

    // An upload that is waited for in vain, one in pieces, one that is signed, and one of rpmyard push.
    const alpha = craftRpm({ name: 'alpha' });
    const put = { method: 'PUT', headers: { authorization, 'content-length': alpha.length }, body: alpha };
    const pending = await sendRequest(origin, { ...put, path: `${PREFIX}/upload?wait=0` });
    expect(pending.status).toBe(202);
    expect(pending.text).toContain(`${origin}${PREFIX}/repo/9/x86_64/Packages/alpha-`);
    expect(pending.text).toContain(` ${origin}${PREFIX}/api/v1/uploads/${sha256Of(alpha)}`);
    expect(pending.headers.location).toBe(`${PREFIX}/api/v1/uploads/${sha256Of(alpha)}`);
    const settled = await ask(`${pending.headers.location}?wait=50`, { authorization });
    expect(settled.status).toBe(200);

    const beta = craftRpm({ name: 'beta' });
    const begun = await sendRequest(origin, {
      method: 'POST',
      path: `${PREFIX}/upload/resumable`,
      headers: { ...TUS, authorization, 'upload-length': beta.length },
    });
    const { pathname } = new URL(begun.headers.location ?? '', `${origin}${PREFIX}/upload/resumable`);
    expect(pathname).toMatch(/^\/rpms\/upload\/resumable\//);
    const piece = { 'upload-offset': 0, 'content-type': 'application/offset+octet-stream' };
    const patched = await sendRequest(origin, {
      method: 'PATCH',
      path: pathname,
      headers: { ...TUS, ...piece, authorization, 'content-length': beta.length },
      body: beta,
    });
    expect(patched.status).toBe(201);

    const gamma = craftRpm({ name: 'gamma' });
    const [time, nonce] = [Math.floor(Date.now() / 1000), randomBytes(16).toString('hex')];
    const lines = ['PUT', `${PREFIX}/upload`, time, nonce, createHash('sha256').update(gamma).digest('hex')];
    const signed = await sendRequest(origin, {
      method: 'PUT',
      path: `${PREFIX}/upload`,
      headers: {
        'content-length': gamma.length,
        'x-key-id': 'build1',
        'x-timestamp': time,
        'x-nonce': nonce,
        'x-checksum-sha256': sha256Of(gamma),
        'x-signature': `sha256=${createHmac('sha256', secret).update(lines.join('\n')).digest('hex')}`,
      },
      body: gamma,
    });
    expect(signed).toMatchObject({ status: 201 });

    const delta = join(temp.path, 'delta.rpm');
    await writeFile(delta, craftRpm({ name: 'delta', files: [{ path: '/opt/delta', content: 'delta' }] }));
    const pushed = await runPush(['--url', `${origin}${PREFIX}/upload`, '--wait', delta], {
      RPMYARD_TOKEN: token,
    });
    expect(pushed).toMatchObject({ exitCode: 0 });

    // What hosts read.
    for (const path of ['/', '/repo', '/repo/9', '/repo/9/x86_64']) {
      expect(await follow(`${PREFIX}${path}`), path).toBe(200);
    }
    const repoFile = (await ask(`${PREFIX}/repo/9/x86_64.repo`)).text;
    const urls = [...repoFile.matchAll(/http\S+/g)].map(([url]) => url);
    expect(urls).toHaveLength(3);
    for (const url of urls) expect(url).toMatch(new RegExp(`^${origin}${PREFIX}/repo/`));
    const list = (await ask(`${PREFIX}/repo/9/x86_64/mirrorlist`)).text.trim().split('\n');
    for (const url of list)
      expect((await ask(new URL('repodata/repomd.xml', url).pathname)).status).toBe(200);
    const host = await createDnfHost(`${origin}${PREFIX}`, join(temp.path, 'host'));
    expect(await host.refresh('-y')).toMatchObject({ exitCode: 0 });
    expect(await host.install('delta')).toMatchObject({ exitCode: 0 });
    await expect(readFile(join(host.root, 'opt/delta'), 'utf8')).resolves.toBe('delta');
  },
);
