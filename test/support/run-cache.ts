import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from './free-port.ts';
import { launchNginx } from './launch-nginx.ts';

/** A cache that clients share. */
export interface SharedCache extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly baseUrl: string;
}

/** An nginx that keeps what it is given by a server, unless that server forbids it; X-Cache says HIT or MISS. */
export async function startCache(ownDir: string, serverUrl: string): Promise<SharedCache> {
  await mkdir(ownDir, { recursive: true });
  const port = await findFreePort();
  const { uid, username } = userInfo();
  await writeFile(
    join(ownDir, 'nginx.conf'),
    `${uid === 0 ? `user ${username};` : ''}
daemon off;
worker_processes 1;
pid ${ownDir}/nginx.pid;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path ${ownDir}/client-body;
    proxy_temp_path ${ownDir}/proxy;
    fastcgi_temp_path ${ownDir}/fastcgi;
    uwsgi_temp_path ${ownDir}/uwsgi;
    scgi_temp_path ${ownDir}/scgi;
    proxy_cache_path ${ownDir}/cache keys_zone=shared:1m;
    server {
        listen 127.0.0.1:${port};
        location / {
            proxy_pass ${serverUrl};
            proxy_cache shared;
            # For what says nothing of caches.
            proxy_cache_valid 200 1h;
            add_header X-Cache $upstream_cache_status always;
        }
    }
}
`,
  );
  const stop = await launchNginx(ownDir, port);
  return { baseUrl: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: stop };
}
