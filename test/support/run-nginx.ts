import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from './free-port.ts';
import { launchNginx } from './launch-nginx.ts';

const SHIPPED = new URL('../../nginx/', import.meta.url);
/** Where the shipped site's file looks for what it includes. */
const INSTALLED_DIR = '/usr/lib/rpmyard/nginx';
const INCLUDES = ['http.conf', 'server.conf'];

/** Exact text of the shipped files and what stands in its place; all occurrences are replaced. */
export interface Replacement {
  readonly from: string;
  readonly to: string;
}

export interface NginxOptions {
  /** Takes the place of /srv/repo: `storage` and `spool` are made in it, nginx's own files lie in `nginx`. */
  readonly root: string;
  /** Port on 127.0.0.1 of the service, which need not be up. Default: the socket of the site's file, in `state`. */
  readonly upstreamPort?: number;
  /** Another site's file than the shipped one: of an older version, which may need a port. */
  readonly confFile?: URL;
  /** Changes for one test, such as a shorter timeout. */
  readonly replacements?: readonly Replacement[];
  /** Where nginx's own files lie; default `nginx` below the root. */
  readonly ownDir?: string;
  /** A command that runs nginx in its turn; it must end with exec. */
  readonly wrapper?: readonly string[];
}

export interface RunningNginx extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly baseUrl: string;
  readonly storageDir: string;
  readonly spoolDir: string;
  /** One line for each finished request: `<status> <method> <request URI>`. */
  readonly accessLogPath: string;
  readonly errorLogPath: string;
  /** Lets running requests finish for up to two seconds, then returns when nginx is gone. */
  stop(): Promise<void>;
}

/**
 * Runs the real nginx with the configuration that ships; only the addresses, the paths under /srv/repo and
 * what `replacements` names differ. Throws when a replacement matches nothing or nginx does not start.
 */
export async function startNginx(options: NginxOptions): Promise<RunningNginx> {
  const storageDir = join(options.root, 'storage');
  const spoolDir = join(options.root, 'spool');
  const ownDir = options.ownDir ?? join(options.root, 'nginx');
  await Promise.all([storageDir, spoolDir, ownDir].map(async (dir) => mkdir(dir, { recursive: true })));

  const port = await findFreePort();
  const files = await readConf(options.confFile);
  const adapted = replaceAll(files, [
    { from: 'listen 80;', to: `listen 127.0.0.1:${port};` },
    { from: 'listen [::]:80;', to: '' },
    upstreamReplacement(options, files.get('rpmyard.conf') ?? ''),
    { from: '/srv/repo/storage', to: storageDir },
    { from: '/srv/repo/spool', to: spoolDir },
    ...(files.size > 1 ? [{ from: INSTALLED_DIR, to: ownDir }] : []),
    ...(options.replacements ?? []),
  ]);
  for (const [name, text] of adapted) await writeFile(join(ownDir, name), text);
  await writeFile(join(ownDir, 'nginx.conf'), renderMainConf(ownDir));

  const stop = await launchNginx(ownDir, port, options.wrapper ?? []);
  return {
    port,
    baseUrl: `http://127.0.0.1:${port}`,
    storageDir,
    spoolDir,
    accessLogPath: join(ownDir, 'access.log'),
    errorLogPath: join(ownDir, 'error.log'),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** A site's file and what it includes, by name; one from before there were includes stands alone. */
async function readConf(confFile = new URL('rpmyard.conf', SHIPPED)): Promise<ReadonlyMap<string, string>> {
  const site = await readFile(confFile, 'utf8');
  const included = INCLUDES.filter((name) => site.includes(`include ${INSTALLED_DIR}/${name};`));
  const texts = await Promise.all(included.map((name) => readFile(new URL(name, SHIPPED), 'utf8')));
  return new Map([
    ['rpmyard.conf', site],
    ...included.map((name, index) => [name, texts[index] ?? ''] as const),
  ]);
}

function upstreamReplacement({ root, upstreamPort }: NginxOptions, conf: string): Replacement {
  if (upstreamPort === undefined) return { from: '/srv/repo/state', to: join(root, 'state') };
  const [from = ''] = /^ *server (?:unix:|127\.).*;$/m.exec(conf) ?? [];
  return { from, to: `server 127.0.0.1:${upstreamPort};` };
}

function replaceAll(
  files: ReadonlyMap<string, string>,
  replacements: readonly Replacement[],
): ReadonlyMap<string, string> {
  return replacements.reduce((current, { from, to }) => {
    const texts = [...current.values()];
    if (!texts.some((text) => text.includes(from))) throw new Error(`nginx/ no longer contains: ${from}`);
    return new Map([...current].map(([name, text]) => [name, text.replaceAll(from, () => to)]));
  }, files);
}

function renderMainConf(ownDir: string): string {
  const { uid, username } = userInfo();
  return `${uid === 0 ? `user ${username};` : ''}
daemon off;
worker_processes 2;
worker_shutdown_timeout 2s;
pid ${ownDir}/nginx.pid;
error_log ${ownDir}/error.log info;
events { worker_connections 1024; }
http {
    log_format status_first '$status $request_method $request_uri';
    access_log ${ownDir}/access.log status_first;
    client_body_temp_path ${ownDir}/client-body;
    proxy_temp_path ${ownDir}/proxy;
    fastcgi_temp_path ${ownDir}/fastcgi;
    uwsgi_temp_path ${ownDir}/uwsgi;
    scgi_temp_path ${ownDir}/scgi;
    include ${ownDir}/rpmyard.conf;
}
`;
}
