import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../../base/files/if-there.ts';
import { readIfThere } from '../../base/files/read-if-there.ts';
import { errnoOf } from '../../errors.ts';
import type { ResumableFacts } from '../resumable-facts.ts';

/** As long as a spool file may go without a byte. */
export const EXPIRE_MS = 24 * 3_600_000;

/** Where an upload in pieces lies. */
export interface UploadPaths {
  /** `<id>/` */
  readonly folder: string;
  /** `upload.json`: what was said when it began. */
  readonly begun: string;
  /** `body`: what has arrived. */
  readonly body: string;
  /** `accepted.json` takes the place of both when the package was accepted. */
  readonly accepted: string;
}

/** What is on the disk of an upload in pieces. */
export interface KeptUpload extends ResumableFacts {
  readonly sizeBytes: number;
  readonly isAccepted: boolean;
  readonly expiresAtMs: number;
}

export function uploadPaths(directory: string, id: string): UploadPaths {
  const folder = join(directory, id);
  return {
    folder,
    begun: join(folder, 'upload.json'),
    body: join(folder, 'body'),
    accepted: join(folder, 'accepted.json'),
  };
}

/** Undefined when it is not there, or was never begun. @throws Error of a damaged one. */
export async function readKeptUpload(paths: UploadPaths): Promise<KeptUpload | undefined> {
  const begun = await readIfThere(paths.begun);
  const body = await statIfThere(paths.body);
  if (begun !== undefined && body !== undefined) {
    return { ...parseFacts(begun), sizeBytes: body.size, isAccepted: false, expiresAtMs: readExpiry(body) };
  }
  // Looked for last: it may just have replaced the files that were looked for above.
  const accepted = await readIfThere(paths.accepted);
  if (accepted === undefined) return undefined;
  const facts = parseFacts(accepted);
  // The directory changed when it was accepted.
  const expiresAtMs = readExpiry(await statIfThere(paths.folder));
  return { ...facts, sizeBytes: facts.lengthBytes, isAccepted: true, expiresAtMs };
}

/** When the time is up of what lies there: also of one that is about to begin, or is damaged. */
export async function expiryOfRemains(paths: UploadPaths): Promise<number> {
  // The body may be younger: nothing but its name changes the directory.
  const [folder, body] = [await statIfThere(paths.folder), await statIfThere(paths.body)];
  return Math.max(readExpiry(folder), readExpiry(body));
}

/** Our own file, which replaceDurable wrote whole. */
function parseFacts(text: string): ResumableFacts {
  const { lengthBytes, terms, expectedDigests, owner }: ResumableFacts = JSON.parse(text);
  return { lengthBytes, terms, expectedDigests, owner };
}

function readExpiry(stats: Stats | undefined): number {
  return (stats?.mtimeMs ?? 0) + EXPIRE_MS;
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await ifThere(lstat(path));
  } catch (error) {
    // A file lies where the directory would be.
    if (errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
