import { join } from 'node:path';
import { craftRpm } from '../support/craft-rpm.ts';
import { readerOverHttp, readIndex, readNamedFiles } from '../support/read-index.ts';
import { dnfMakecache } from '../support/run-dnf.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { zypperAddRepository, zypperRefresh } from '../support/run-zypper.ts';
import { putPackage, reindex, sha256Of } from '../support/send-request.ts';
import { type EngineName, withEngine } from '../support/with-engine.ts';

const REPOSITORY = '9/x86_64';
const UPLOADERS = 2;
/** Readings between a repomd.xml and the request for the files that it names, as on a slow line. */
const BEHIND = 10;

/** What was done while packages came all the time, and what went wrong. */
export interface ConstantUploads {
  readonly uploads: number;
  readonly publishes: number;
  readonly readings: number;
  readonly dnfRefreshes: number;
  readonly zypperRefreshes: number;
  /** Acknowledged packages that are not in the index at the end. */
  readonly lost: readonly string[];
  /** Refused uploads, missing or dangling files, failed refreshes. */
  readonly faults: readonly string[];
}

/** Uploads for `ms` through nginx while dnf, zypper and a polling reader read the repository. */
export async function uploadConstantly(engine: EngineName, ms: number): Promise<ConstantUploads> {
  await using site = await startSite(withEngine(engine));
  const faults: string[] = [];
  const revisions = new Set<string>();
  const repositoryUrl = `${site.baseUrl}/repo/${REPOSITORY}`;
  const dnfHost = { root: join(site.workDir, 'dnf'), repositoryUrl };
  const zypperHost = { root: join(site.workDir, 'zypper'), repositoryUrl };
  const first = await putPackage(site.baseUrl, craftRpm({ name: 'first' }), 'wait=50');
  if (first.status !== 201) throw new Error(first.text);
  await zypperAddRepository(zypperHost);
  // From here: on a busy machine what is above takes as long.
  const over = AbortSignal.timeout(ms);

  const refresh = async (tool: string, run: () => Promise<{ exitCode: number; stderr: string }>) =>
    repeat(over, async () => {
      const { exitCode, stderr } = await run();
      if (exitCode !== 0) faults.push(`${tool} ended with ${exitCode}: ${stderr}`);
    });
  const [acknowledged, readings, dnfRefreshes, zypperRefreshes] = await Promise.all([
    upload(site, over, faults),
    readAll(site, over, revisions, faults),
    refresh('dnf', () => dnfMakecache(dnfHost)),
    refresh('zypper', () => zypperRefresh(zypperHost)),
  ]);

  await reindex(site.baseUrl, REPOSITORY);
  const { packages } = await readIndex(readerOverHttp(site.baseUrl, REPOSITORY));
  const indexed = new Set(packages.values());
  return {
    uploads: acknowledged.length,
    publishes: revisions.size,
    readings,
    dnfRefreshes,
    zypperRefreshes,
    lost: acknowledged.filter((sha256) => !indexed.has(sha256)),
    faults,
  };
}

async function repeat(over: AbortSignal, work: (round: number) => Promise<void>): Promise<number> {
  let rounds = 0;
  for (; !over.aborted; rounds += 1) await work(rounds);
  return rounds;
}

async function upload(site: Site, over: AbortSignal, faults: string[]): Promise<readonly string[]> {
  const acknowledged: string[] = [];
  const uploader = (_: unknown, index: number): Promise<number> =>
    repeat(over, async (round) => {
      const bytes = craftRpm({ name: `constant${index}.${round}` });
      // A client that waits has the index published each time.
      const { status, text } = await putPackage(site.baseUrl, bytes, 'wait=50');
      if (status === 201) acknowledged.push(sha256Of(bytes));
      else faults.push(`upload answered ${status}: ${text}`);
    });
  await Promise.all(Array.from({ length: UPLOADERS }, uploader));
  return acknowledged;
}

/** Reads what repomd.xml names, now and again some readings later; what was in it once stays in it. */
async function readAll(
  site: Site,
  over: AbortSignal,
  revisions: Set<string>,
  faults: string[],
): Promise<number> {
  const read = readerOverHttp(site.baseUrl, REPOSITORY);
  const remembered: string[] = [];
  let seen = 0;
  return repeat(over, async () => {
    try {
      const { repomdXml, packages } = await readIndex(read);
      if (packages.size < seen) faults.push(`${packages.size} packages after ${seen}`);
      seen = packages.size;
      revisions.add(repomdXml);
      remembered.push(repomdXml);
      if (remembered.length > BEHIND) await readNamedFiles(remembered.shift() ?? '', read);
    } catch (error) {
      faults.push(String(error));
    }
  });
}
