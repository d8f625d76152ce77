import { open, readdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort } from './free-port.ts';
import { pathInside, withOwnMount } from './own-mount.ts';
import { type RunningNginx, startNginx } from './run-nginx.ts';
import { type RunningService, startService } from './run-service.ts';
import type { Front } from './run-site.ts';
import { createTempDir } from './temp-dir.ts';

export interface SmallDiskOptions {
  /** Default none. */
  readonly front?: Front;
  /** As mount takes it; default 24m. */
  readonly size?: string;
  readonly config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** A service whose spool, state and tree lie on a small file system that only it (and its nginx) sees. */
export interface SmallDisk extends AsyncDisposable {
  readonly service: RunningService;
  /** What clients see. */
  readonly baseUrl: string;
  /** The path of a file below the disk's root, as it is reached from outside. */
  inside(path: string): string;
  /** Takes all space but some bytes. */
  fill(leaveBytes: number): Promise<void>;
  /** Gives back what fill() took. */
  free(): Promise<void>;
  /** What lies in the spool, in incoming and in scratch. */
  leftovers(): Promise<readonly string[]>;
}

export async function startOnSmallDisk(options: SmallDiskOptions = {}): Promise<SmallDisk> {
  const { front = 'none', size = '24m', config = {} } = options;
  const temp = await createTempDir();
  const root = join(temp.path, 'disk');
  const port = await findFreePort();
  const service = await startService({
    // The configuration file and the working directory lie outside of the mount.
    root: temp.path,
    port,
    config: {
      ...config,
      ...(front === 'none' && { server: { upload_header: '' } }),
      repo: { top_dir: join(root, 'storage') },
    },
    wrapper: withOwnMount(root, `-t tmpfs -o size=${size} tmpfs`),
  });
  const nginx: RunningNginx | undefined =
    front === 'none'
      ? undefined
      : await startNginx({
          root,
          ownDir: join(temp.path, 'nginx'),
          upstreamPort: port,
          wrapper: ['nsenter', `--mount=/proc/${service.pid}/ns/mnt`, '--'],
        });
  const inside = (path: string): string => pathInside(service.pid, join(root, path));
  const ballast = inside('ballast');

  return {
    service,
    baseUrl: nginx?.baseUrl ?? service.baseUrl,
    inside,
    fill: async (leaveBytes) => {
      await writeUntilFull(ballast);
      const { size: sizeBytes } = await stat(ballast);
      await truncate(ballast, Math.max(0, sizeBytes - leaveBytes));
    },
    free: () => rm(ballast),
    leftovers: async () => {
      const folders = ['spool', 'state/incoming', 'state/scratch'].map(inside);
      return (await Promise.all(folders.map(async (folder) => readdir(folder)))).flat();
    },
    async [Symbol.asyncDispose]() {
      await nginx?.stop();
      await service.stop();
      await temp.remove();
    },
  };
}

async function writeUntilFull(path: string): Promise<void> {
  const file = await open(path, 'w');
  const piece = Buffer.alloc(64 * 1024);
  try {
    for (;;) await file.write(piece);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  } finally {
    await file.close();
  }
}
