import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ifThere } from '../base/files/if-there.ts';
import type { Config } from '../base/config/load.ts';
import { closedTo } from '../base/files/nearest-existing.ts';
import { openRecords } from '../storage/open-storage.ts';
import type { PackageFault, Receipt, Records, SetAside } from '../storage/records.ts';
import { createStateLayout } from '../storage/state-layout.ts';
import { isLocked } from '../storage/tree-lock.ts';
import { REPOSITORY_DOCUMENT, REPOSITORY_LIST, REPOSITORY_PACKAGES } from '../api/repository-documents.ts';
import { createServiceClient, type ServiceClient } from './service-client.ts';
import { parseRepositoryName, type RepositoryName } from '../rpm/repository-name.ts';

/** The records of the service, for a command that only reads. */
export interface RecordsReader extends AsyncDisposable {
  readonly isServiceRunning: boolean;
  /** The repositories that have records. */
  readonly listRepositories: () => Promise<readonly RepositoryName[]>;
  readonly read: (repository: RepositoryName) => Promise<RepositoryRecords>;
}

export interface RepositoryRecords {
  readonly receipts: readonly Receipt[];
  readonly setAside: readonly SetAside[];
  readonly packageFaults: readonly PackageFault[];
  /** The error of the last index run, when it failed. */
  readonly lastError: string | undefined;
}

const NO_RECORDS: RepositoryRecords = {
  receipts: [],
  setAside: [],
  packageFaults: [],
  lastError: undefined,
};

/** Asks the running service, which has its records locked; without a service it reads a copy of them. */
export async function openVerifyRecords(config: Config): Promise<RecordsReader> {
  return isLocked(createStateLayout(config.stateDir))
    ? fromService(createServiceClient(config))
    : fromCopy(config.stateDir);
}

async function fromCopy(stateDir: string): Promise<RecordsReader> {
  const copyDir = await mkdtemp(join(tmpdir(), 'rpmyard-verify-'));
  const records = await openCopy(stateDir, copyDir).catch(async (error: unknown) => {
    await rm(copyDir, { recursive: true, force: true });
    throw error;
  });
  return {
    isServiceRunning: false,
    listRepositories: () => records.listRepositories(),
    read: async (repository) => ({
      receipts: await records.listReceipts(repository),
      setAside: await records.listSetAside(repository),
      packageFaults: await records.listPackageFaults(repository),
      lastError: undefined,
    }),
    [Symbol.asyncDispose]: async () => {
      await records.close();
      await rm(copyDir, { recursive: true, force: true });
    },
  };
}

async function openCopy(stateDir: string, copyDir: string): Promise<Records> {
  const [from, to] = [createStateLayout(stateDir).recordsFile, createStateLayout(copyDir).recordsFile];
  for (const ending of ['', '-wal']) {
    await ifThere(copyFile(`${from}${ending}`, `${to}${ending}`)).catch((error: unknown) => {
      throw closedTo(`${from}${ending}`, error);
    });
  }
  return openRecords(copyDir);
}

function fromService(client: ServiceClient): RecordsReader {
  // The service does not know yet a directory that was made by hand since its start.
  const isKnown = async (repository: RepositoryName): Promise<boolean> =>
    (await listRepositories(client)).includes(repository);

  return {
    isServiceRunning: true,
    listRepositories: () => listRepositories(client),
    read: async (repository) => {
      if (!(await isKnown(repository))) return NO_RECORDS;
      const path = `/api/v1/repositories/${repository}`;
      const { packages } = (await client.send('GET', `${path}/packages`, REPOSITORY_PACKAGES)).body;
      const { setAside, packageFaults, lastError } = (await client.send('GET', path, REPOSITORY_DOCUMENT))
        .body;
      return {
        lastError: lastError === null ? undefined : `${lastError.code}: ${lastError.detail}`,
        receipts: packages.map(({ location, nevra, sha256, sizeBytes, placedAt, publishedAt }) => ({
          repository,
          location,
          nevra,
          sha256,
          sizeBytes,
          placedAtMs: Date.parse(placedAt),
          publishedAtMs: publishedAt === null ? undefined : Date.parse(publishedAt),
        })),
        setAside: setAside.map(({ since, ...facts }) => ({
          repository,
          ...facts,
          sinceMs: Date.parse(since),
        })),
        packageFaults: packageFaults.map(({ since, ...facts }) => ({
          repository,
          ...facts,
          sinceMs: Date.parse(since),
        })),
      };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function listRepositories(client: ServiceClient): Promise<readonly RepositoryName[]> {
  const { body } = await client.send('GET', '/api/v1/repositories', REPOSITORY_LIST);
  return body.repositories.flatMap(({ repository }) => parseRepositoryName(repository) ?? []);
}
