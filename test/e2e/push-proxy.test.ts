import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { findFreePort } from '../support/free-port.ts';
import { startProxy } from '../support/run-proxy.ts';
import { runPush } from '../support/run-push.ts';
import { startSite } from '../support/run-site.ts';
import { createTempDir } from '../support/temp-dir.ts';

const LARGE_BYTES = 5 * 1024 * 1024;

/** A certificate for 127.0.0.1 that signs itself. */
async function makeCertificate(dir: string): Promise<{ readonly certificate: string; readonly key: string }> {
  const certificate = join(dir, 'server.crt');
  const key = join(dir, 'server.key');
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', key, '-out', certificate];
  await execa('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    ...subject,
    ...files,
  ]);
  return { certificate, key };
}

it('goes through the proxy of the environment, over TLS too, and says what a proxy refuses', async () => {
  await using temp = await createTempDir();
  const { certificate, key } = await makeCertificate(temp.path);
  const tlsPort = await findFreePort();
  const tls = `listen 127.0.0.1:${tlsPort} ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key};`;
  const serverName = 'server_name repo.example.com;';
  await using site = await startSite({ replacements: [{ from: serverName, to: `${serverName} ${tls}` }] });
  await using proxy = await startProxy({ dir: temp.path, tunnelPort: tlsPort });
  const httpsUrl = `https://127.0.0.1:${tlsPort}`;
  const path = join(temp.path, 'a.rpm');
  const spec = { name: 'a', version: '1.0', release: '1.el9', arch: 'x86_64' };
  await writeFile(path, craftRpm({ ...spec, payload: Buffer.alloc(LARGE_BYTES, 'x') }));
  const push = async (url: string, env: Readonly<Record<string, string>>) =>
    runPush(['--wait', '--timeout', '20', '--url', url, path], { NODE_EXTRA_CA_CERTS: certificate, ...env });

  const withPassword = `ci:secret@${proxy.address}`;
  const dead = `127.0.0.1:${await findFreePort()}`;
  expect(await push(site.baseUrl, { HTTP_PROXY: withPassword, HTTPS_PROXY: dead })).toMatchObject({
    exitCode: 0,
    stderr: '',
  });
  expect(await push(httpsUrl, { HTTPS_PROXY: `http://${withPassword}`, HTTP_PROXY: dead })).toMatchObject({
    exitCode: 0,
    stderr: '',
  });
  const log = await proxy.log();
  expect(log).toContain(`PUT ${site.baseUrl}/upload`);
  expect(log).toContain(`CONNECT 127.0.0.1:${tlsPort}`);

  const without = { HTTP_PROXY: dead, HTTPS_PROXY: dead, NO_PROXY: '127.0.0.1' };
  for (const url of [site.baseUrl, httpsUrl]) expect(await push(url, without)).toMatchObject({ exitCode: 0 });

  const refused = await push(httpsUrl, { HTTPS_PROXY: proxy.address });
  expect(refused.exitCode).toBe(3);
  expect(refused.stderr).toMatch(/SERVICE_UNREACHABLE: the proxy of HTTPS_PROXY .* 407 /);
});
