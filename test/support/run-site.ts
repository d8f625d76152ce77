import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort } from './free-port.ts';
import { type NginxOptions, type RunningNginx, startNginx } from './run-nginx.ts';
import { type RunningService, type ServiceOptions, startService } from './run-service.ts';
import { createTempDir } from './temp-dir.ts';

/** What clients talk to: the shipped nginx, or the service itself, which then takes bodies and serves /repo. */
export type Front = 'nginx' | 'none';

export interface SiteOptions extends Pick<ServiceOptions, 'config' | 'env' | 'wrapper'> {
  /** Default nginx. */
  readonly front?: Front;
  /** How nginx reaches the service: `port` as in older installations; default: the socket, as it ships. */
  readonly upstream?: 'socket' | 'port';
  /** Another version of the shipped nginx configuration. */
  readonly confFile?: URL;
  /** Changes of the shipped nginx configuration. */
  readonly replacements?: NginxOptions['replacements'];
}

/** A whole installation on one root. */
export interface Site extends AsyncDisposable {
  /** The service that runs now. */
  readonly service: RunningService;
  /** What clients see, without a slash at the end. */
  readonly baseUrl: string;
  readonly root: string;
  readonly storageDir: string;
  readonly spoolDir: string;
  readonly incomingDir: string;
  readonly stateDir: string;
  /** For packages and the roots of clients. */
  readonly workDir: string;
  /** What lies in the spool, in incoming and in scratch: nothing, once every upload and index run has ended. */
  leftovers(): Promise<readonly string[]>;
  /** Starts the service again after a stop or a kill, with other options when given. */
  restart(options?: Omit<SiteOptions, 'front' | 'upstream' | 'confFile'>): Promise<RunningService>;
}

/** Starts the service and what is in front of it; leaving the scope stops both and removes everything. */
export async function startSite(options: SiteOptions = {}): Promise<Site> {
  const temp = await createTempDir();
  const root = join(temp.path, 'site');
  const port = await findFreePort();
  const { front = 'nginx', upstream = 'socket', replacements = [] } = options;
  const isOnSocket = front === 'nginx' && upstream === 'socket';
  const nginx =
    front === 'none'
      ? undefined
      : await startNginx({
          root,
          replacements,
          ...(options.confFile !== undefined && { confFile: options.confFile }),
          ...(!isOnSocket && { upstreamPort: port }),
        });
  const socket = isOnSocket ? { socketPath: join(root, 'state/rpmyard.sock') } : {};
  const start = (given: SiteOptions): Promise<RunningService> =>
    startService({ ...given, root, port, ...socket, config: withFront(given.config, nginx) });
  let service = await start(options);

  return {
    get service() {
      return service;
    },
    baseUrl: nginx?.baseUrl ?? service.baseUrl,
    root,
    storageDir: service.storageDir,
    spoolDir: service.spoolDir,
    incomingDir: service.incomingDir,
    stateDir: service.stateDir,
    workDir: temp.path,
    leftovers: async () => {
      const folders = [service.spoolDir, service.incomingDir, join(service.stateDir, 'scratch')];
      const names = await Promise.all(folders.map(async (folder) => readdir(folder)));
      return names.flatMap((found, index) => found.map((name) => join(folders[index] ?? '', name)));
    },
    restart: async (other = options) => {
      service = await start(other);
      return service;
    },
    async [Symbol.asyncDispose]() {
      try {
        await nginx?.stop();
        await service.stop();
      } finally {
        await temp.remove();
      }
    },
  };
}

function withFront(
  config: ServiceOptions['config'],
  nginx: RunningNginx | undefined,
): NonNullable<ServiceOptions['config']> {
  const server = nginx === undefined ? { upload_header: '' } : { public_url: nginx.baseUrl };
  return { ...config, server: { ...server, ...config?.['server'] } };
}
