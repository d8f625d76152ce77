import { join } from 'node:path';
import { namesIn } from '../base/files/names-in.ts';
import type { TreeFolders } from '../storage/tree-folders.ts';
import { entryStats } from './verify/entry-stats.ts';
import { readMarks } from '../storage/marks.ts';
import { spoolFileKind } from '../storage/spool-file-name.ts';
import { type Finding, type Violation, toViolation } from './violation.ts';

export interface LeftoverFacts {
  readonly folders: Pick<TreeFolders, 'topDir' | 'spoolDir' | 'incomingDir' | 'scratchRoot'>;
  readonly marksDir: string;
  /** While a service runs, files in incoming and scratch are in use, and a marked repository is about to be indexed. */
  readonly isServiceRunning: boolean;
  readonly nowMs: number;
}

const HOUR_MS = 3_600_000;

/** Files that a killed process left behind, and repositories whose index run is due. Changes nothing. */
export async function verifyLeftovers(facts: LeftoverFacts): Promise<readonly Violation[]> {
  const { topDir, spoolDir, incomingDir, scratchRoot } = facts.folders;
  const olderThanMs = facts.nowMs - HOUR_MS;
  const inUseSinceMs = facts.isServiceRunning ? olderThanMs : Number.POSITIVE_INFINITY;
  const findings = [
    ...(await findLeftovers(topDir, isProbe, olderThanMs)),
    ...(await findLeftovers(spoolDir, isSpooled, olderThanMs)),
    ...(await findLeftovers(incomingDir, isAnything, inUseSinceMs)),
    ...(await findLeftovers(scratchRoot, isAnything, inUseSinceMs)),
  ];
  const marked = await readMarks(facts.marksDir);
  return [
    ...findings.map((finding) => toViolation(finding)),
    ...marked.map((name) => toViolation(waiting(name, facts), name)),
  ];
}

async function findLeftovers(
  directory: string,
  isOwn: (name: string) => boolean,
  olderThanMs: number,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const name of await namesIn(directory)) {
    const path = join(directory, name);
    const stats = isOwn(name) ? await entryStats(path) : undefined;
    if (stats === undefined || stats.mtimeMs >= olderThanMs) continue;
    const detail = `no program has written to it since ${stats.mtime.toISOString()}`;
    findings.push({ code: 'LEFTOVER', subject: path, detail });
  }
  return findings;
}

function isProbe(name: string): boolean {
  return spoolFileKind(name) === 'probe';
}

function isSpooled(name: string): boolean {
  return spoolFileKind(name) !== undefined;
}

function isAnything(): boolean {
  return true;
}

function waiting(marked: string, { marksDir, isServiceRunning }: LeftoverFacts): Finding {
  return isServiceRunning
    ? { code: 'MARK_WAITING', subject: marksDir, detail: `an index run of ${marked} is due or under way` }
    : { code: 'MARK_WITHOUT_RUN', subject: marksDir, detail: `${marked} waits for an index run` };
}
