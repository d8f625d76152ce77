import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { hashToken, newToken } from '../../src/trust/token-hash.ts';
import { findFreePort } from '../../test/support/free-port.ts';
import { startNginx } from '../../test/support/run-nginx.ts';
import { childrenOf } from './process-cpu.ts';
import { startService } from './start-service.ts';

const RENAME_HANDLER = fileURLToPath(new URL('rename-handler.ts', import.meta.url));

const WORKERS_LIMIT_MS = 10_000;
const WORKERS_POLL_MS = 20;

/** One of the servers that are compared; all run from the beginning to the end and are idle unless it is their turn. */
export interface UploadPeer {
  readonly name: 'rpmyard' | 'against' | 'unguarded' | 'dav' | 'floor' | 'durable floor';
  readonly port: number;
  /** Where uploads go, with a slash at its end. */
  readonly path: string;
  /** Where they end up, so that they can be removed after each turn. */
  readonly packagesDir: string;
  readonly nginxPids: readonly number[];
  /** Empty for nginx alone. */
  readonly servicePids: readonly number[];
  /** To be sent with each upload. */
  readonly token: string | undefined;
  /** Only of ours: where /metrics is. */
  readonly serviceUrl: string | undefined;
}

/** One machine sends what a whole building does not. */
const RATE = { from: 'rate=500r/s;', to: 'rate=100000r/s;' };
const ASKING = { from: '    auth_request /.rpmyard-access/upload;', to: '' };

/**
 * nginx with the shipped configuration in front of the service, which has access rules and writes its audit log.
 * `unguarded`: nginx does not ask, there are no rules, and the log goes nowhere.
 */
export async function startRpmyardPeer(
  root: string,
  stack: AsyncDisposableStack,
  options: {
    /** `against`: as `rpmyard`, from another checkout. */
    readonly name: 'rpmyard' | 'against' | 'unguarded';
    readonly nodeArguments: readonly string[];
    /** Whose service runs, behind the nginx files of this one; default: this one's. */
    readonly checkout?: string | undefined;
  },
): Promise<UploadPeer> {
  const { name, nodeArguments, checkout } = options;
  const isGuarded = name !== 'unguarded';
  const port = await findFreePort();
  const replacements = isGuarded ? [RATE] : [RATE, ASKING];
  const nginx = stack.use(await startNginx({ root, upstreamPort: port, replacements }));
  const token = newToken();
  const access = isGuarded
    ? { tokens: [{ name: 'bench', hash: hashToken(token), upload: ['9/*'] }] }
    : { audit_log: '/dev/null' };
  const service = stack.use(await startService({ root, port, nodeArguments, access, checkout }));
  return {
    name,
    token: isGuarded ? token : undefined,
    port: nginx.port,
    path: '/upload/',
    packagesDir: join(nginx.storageDir, '9', 'x86_64', 'Packages'),
    nginxPids: await workersOf(root),
    servicePids: [service.pid],
    serviceUrl: service.baseUrl,
  };
}

/** The same nginx in front of a handler that does nothing but rename the spool file, and sync it when asked to. */
export async function startFloorPeer(
  root: string,
  stack: AsyncDisposableStack,
  name: 'floor' | 'durable floor',
): Promise<UploadPeer> {
  const port = await findFreePort();
  const nginx = stack.use(await startNginx({ root, upstreamPort: port, replacements: [RATE, ASKING] }));
  const child = execa(
    process.execPath,
    [RENAME_HANDLER, String(port), nginx.storageDir, ...(name === 'floor' ? [] : ['--sync'])],
    {
      buffer: false,
      reject: false,
    },
  );
  stack.defer(async () => {
    child.kill('SIGTERM');
    await child;
  });
  await child.stdout.iterator({ destroyOnReturn: false }).next();
  return {
    name,
    port: nginx.port,
    path: '/upload/',
    packagesDir: nginx.storageDir,
    nginxPids: await workersOf(root),
    servicePids: [child.pid ?? 0],
    token: undefined,
    serviceUrl: undefined,
  };
}

/** nginx's own WebDAV PUT, beside the shipped locations and with the same buffer. */
export async function startDavPeer(root: string, stack: AsyncDisposableStack): Promise<UploadPeer> {
  const packagesDir = join(root, 'storage', 'dav');
  await mkdir(packagesDir, { recursive: true });
  const nginx = await startNginx({
    root,
    upstreamPort: await findFreePort(),
    replacements: [
      {
        from: 'location = /repo {',
        to: `location /dav/ {
    dav_methods PUT;
    client_body_buffer_size 256k;
}

location = /repo {`,
      },
    ],
  });
  stack.use(nginx);
  return {
    name: 'dav',
    port: nginx.port,
    path: '/dav/',
    packagesDir,
    nginxPids: await workersOf(root),
    servicePids: [],
    token: undefined,
    serviceUrl: undefined,
  };
}

async function workersOf(root: string): Promise<readonly number[]> {
  const master = Number(await readFile(join(root, 'nginx', 'nginx.pid'), 'utf8'));
  const deadlineMs = Date.now() + WORKERS_LIMIT_MS;
  // nginx writes its number before it starts them.
  while (Date.now() < deadlineMs) {
    const workers = await childrenOf(master);
    if (workers.length > 0) return workers;
    await delay(WORKERS_POLL_MS);
  }
  throw new Error(`nginx started no workers within ${WORKERS_LIMIT_MS} ms`);
}
