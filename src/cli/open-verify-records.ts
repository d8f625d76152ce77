import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/load.ts';
import { errnoOf } from '../errors.ts';
import { type Receipt, Records, type SetAside } from '../records/records.ts';
import { isLocked } from '../records/tree-lock.ts';
import { createServiceClient, type ServiceClient } from './service-client.ts';

/** What the service remembers, for a command that only reads. */
export interface RecordsReader extends AsyncDisposable {
  readonly isServiceRunning: boolean;
  readonly read: (repository: string) => Promise<RepositoryRecords>;
}

export interface RepositoryRecords {
  readonly receipts: readonly Receipt[];
  readonly setAside: readonly SetAside[];
}

/** Asks the running service, which has its records locked; without one a copy of them is read. */
export async function openVerifyRecords(config: Config): Promise<RecordsReader> {
  return isLocked(config.stateDir) ? fromService(createServiceClient(config)) : fromCopy(config.stateDir);
}

async function fromCopy(stateDir: string): Promise<RecordsReader> {
  const copyDir = await mkdtemp(join(tmpdir(), 'rpmyard-verify-'));
  for (const name of ['records.sqlite', 'records.sqlite-wal']) {
    await copyFile(join(stateDir, name), join(copyDir, name)).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw error;
    });
  }
  const records = new Records(copyDir);
  return {
    isServiceRunning: false,
    read: async (repository) => ({
      receipts: records.listReceipts(repository),
      setAside: records.listSetAside(repository),
    }),
    [Symbol.asyncDispose]: async () => {
      records.close();
      await rm(copyDir, { recursive: true, force: true });
    },
  };
}

interface SentPackage {
  readonly location: string;
  readonly nevra: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly placedAt: string;
  readonly publishedAt: string | null;
}

interface SentSetAside {
  readonly location: string;
  readonly identity: string;
  readonly reason: string;
  readonly since: string;
}

function fromService(client: ServiceClient): RecordsReader {
  return {
    isServiceRunning: true,
    read: async (repository) => {
      const path = `/api/v1/repositories/${repository}`;
      const listed = await client.send('GET', `${path}/packages`);
      const { packages }: { packages: readonly SentPackage[] } = Object.assign({ packages: [] }, listed.body);
      const status = await client.send('GET', path);
      const { setAside }: { setAside: readonly SentSetAside[] } = Object.assign(
        { setAside: [] },
        status.body,
      );
      return {
        receipts: packages.map(({ placedAt, publishedAt, ...facts }) => ({
          repository,
          ...facts,
          placedAtMs: Date.parse(placedAt),
          publishedAtMs: publishedAt === null ? undefined : Date.parse(publishedAt),
        })),
        setAside: setAside.map(({ since, ...facts }) => ({
          repository,
          ...facts,
          sinceMs: Date.parse(since),
        })),
      };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}
