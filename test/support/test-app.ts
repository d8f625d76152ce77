import { unlink } from 'node:fs/promises';
import { mkdir, readFile, realpath } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { type Access, createAccess } from '../../src/trust/access.ts';
import { buildApp } from '../../src/http/app.ts';
import { openMetadata } from '../../src/base/unpack/open-metadata.ts';
import { createLongWork } from '../../src/base/turns/long-work.ts';
import type { MetadataOptions } from '../../src/http/metadata-options.ts';
import type { BatchOptions } from '../../src/http/batch-options.ts';
import { ResumableUploads } from '../../src/intake/resumable-uploads.ts';
import type { UploadOptions } from '../../src/http/upload-options.ts';
import type { UploadOutcome } from '../../src/api/upload-outcome.ts';
import type { SpooledUpload } from '../../src/intake/spooled-upload.ts';
import type { RepositoryOptions } from '../../src/http/repository-options.ts';
import { createFaultFinder, type FaultSources } from '../../src/observe/find-faults.ts';
import { createMetrics, type Metrics } from '../../src/observe/metrics.ts';
import { ENOUGH_ROOM } from './enough-room.ts';
import { createTempDir } from './temp-dir.ts';
import { repo } from './repo.ts';

/** An upload as the fake ingest got it, with the bytes that the file held then. */
export interface SeenUpload extends SpooledUpload {
  readonly content: string;
}

export interface TestAppOptions {
  /** Default: every client may do everything. */
  readonly access?: Access;
  readonly upload?: Partial<UploadOptions>;
  readonly metadata?: Partial<MetadataOptions>;
  readonly api?: Partial<RepositoryOptions>;
  readonly batches?: Partial<BatchOptions>;
  readonly faults?: Partial<FaultSources>;
  readonly now?: () => number;
}

/** The real HTTP side on folders of its own, with a fake behind it that accepts every body. */
export interface TestApp extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly topDir: string;
  readonly spoolDir: string;
  readonly incomingDir: string;
  readonly resumableDir: string;
  readonly metrics: Metrics;
  readonly uploads: readonly SeenUpload[];
  /** What countUpload was told: outcome and bytes. */
  readonly counted: readonly (readonly [string, number])[];
  /** What removeIncoming was told. */
  readonly removed: readonly string[];
  /** What the audit log was given. */
  readonly audited: readonly object[];
  /** The log, an object a line. */
  readonly logLines: readonly string[];
}

export async function buildTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const dir = await createTempDir();
  const root = await realpath(dir.path);
  const [topDir, spoolDir, incomingDir, resumableDir] = ['storage', 'spool', 'incoming', 'resumable'].map(
    (name) => join(root, name),
  );
  if (!topDir || !spoolDir || !incomingDir || !resumableDir) throw new Error('no folders');
  for (const folder of [topDir, spoolDir, incomingDir, resumableDir]) await mkdir(folder);

  const uploads: SeenUpload[] = [];
  const counted: (readonly [string, number])[] = [];
  const removed: string[] = [];
  const logLines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void logLines.push(line) });
  const audited: object[] = [];
  const listStatus = options.api?.listStatus ?? (() => []);
  const findFaults = createFaultFinder({
    listStatus,
    findUploadFault: async () => undefined,
    findIndexFault: async () => undefined,
    ...options.faults,
  });
  const metrics = createMetrics({
    version: '1.2.3',
    listStatus,
    countSetAside: async () => 0,
    findFaults,
    countStuckDrops: () => 0,
    freeBytes: () => undefined,
    now: Date.now,
  });

  const app = await buildApp({
    whenReady: Promise.resolve(),
    access: options.access ?? openToAll(),
    auditLog: { write: (entry) => void audited.push(entry), close: async () => undefined },
    log,
    topDir,
    publicUrl: 'https://repo.example.com',
    publicPath: '',
    metrics,
    upload: {
      uploadPath: '/upload',
      uploadHeader: undefined,
      maxUploadBytes: 1_000_000,
      spoolDir,
      incomingDir,
      room: ENOUGH_ROOM,
      quietMs: 30_000,
      publicUrl: 'https://repo.example.com',
      ingest: async (upload) => {
        const content = await readFile(upload.path, 'utf8');
        uploads.push({ ...upload, content });
        return outcomeOf(content);
      },
      waitUntilInstallable: async (outcome) => outcome,
      removeIncoming: (path) => {
        removed.push(path);
        unlink(path).catch((error: unknown) => logLines.push(String(error)));
      },
      countUpload: (...call) => void counted.push(call),
      ...options.upload,
    },
    resumableUploads: await ResumableUploads.open({
      directory: resumableDir,
      log,
      now: options.now ?? Date.now,
    }),
    metadata: {
      spoolDir,
      incomingDir,
      room: ENOUGH_ROOM,
      checkTarget: async () => undefined,
      putMetadata: async () => ({
        openSha256: '',
        fate: () => 'published',
        [Symbol.dispose]: () => undefined,
      }),
      removeMetadata: async () => ({ fate: () => 'published', [Symbol.dispose]: () => undefined }),
      findMetadata: async () => {
        throw new Error('no metadata here');
      },
      listMetadata: async () => [],
      openContent: openMetadata,
      whenPublished: async () => 'published',
      removeIncoming: (path) => void removed.push(path),
      ...options.metadata,
    },
    batches: {
      list: async () => [],
      read: async () => {
        throw new Error('no batches here');
      },
      outcomesOf: async () => [],
      commit: async () => ({ isNew: true, packages: [] }),
      drop: async () => undefined,
      lineOf: ({ nevra }, state) => `${state} ${nevra}\n`,
      waitUntilInstallable: async (outcome) => outcome,
      keepMs: 0,
      publicUrl: 'https://repo.example.com/below',
      ...options.batches,
    },
    api: {
      listStatus,
      statusOf: (repository) => listStatus().find((status) => status.repository === repository),
      listSetAside: async () => [],
      receiptsAfter: async () => [],
      listPackageFaults: async () => [],
      reindexNow: async () => undefined,
      endQuietTime: () => undefined,
      whenPublished: async () => 'published',
      describeUpload: async () => undefined,
      waitUntilInstallable: async (outcome) => outcome,
      ...options.api,
    },
    health: { findFaults },
    nginx: { note: () => undefined },
    longWork: createLongWork(),
  });

  return {
    app,
    topDir,
    spoolDir,
    incomingDir,
    resumableDir,
    metrics,
    uploads,
    counted,
    removed,
    logLines,
    audited,
    async [Symbol.asyncDispose]() {
      app.server.closeAllConnections();
      await app.close();
      await dir.remove();
    },
  };
}

function openToAll(): Access {
  return createAccess({
    tokens: [],
    keys: [],
    requireCredentials: false,
    publicRead: ['*'],
    localToken: 'local',
    nonces: { isNonceUsed: async () => false, useNonce: async () => true },
    now: Date.now,
  });
}

/** What the fake ingest answers for a body: created, in one repository. */
export function outcomeOf(content: string, fields: Partial<UploadOutcome> = {}): UploadOutcome {
  return {
    outcome: 'created',
    nevra: 'example-1.0-1.el9.x86_64',
    sha256: createHash('sha256').update(content).digest('hex'),
    sizeBytes: Buffer.byteLength(content),
    places: [
      {
        repository: repo('9/x86_64'),
        location: 'Packages/example-1.0-1.el9.x86_64.rpm',
        url: 'http://repo.example.com/repo/9/x86_64/Packages/example-1.0-1.el9.x86_64.rpm',
        state: 'waiting',
      },
    ],
    ...fields,
  };
}
