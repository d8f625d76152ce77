import type { BigIntStats } from 'node:fs';
import { printable } from '../../errors.ts';
import type { Sighting } from './next-step.ts';

/** A file of the drop directory, as it was looked at. */
export interface DroppedFile {
  readonly name: string;
  readonly path: string;
  readonly stats: BigIntStats;
  readonly sighting: Sighting;
}

/** Which file it is, and whose, for the log and the audit log. */
export function describeOrigin({ name, stats }: Pick<DroppedFile, 'name' | 'stats'>): {
  readonly file: string;
  readonly ownerUid: number;
} {
  return { file: printable(name), ownerUid: Number(stats.uid) };
}
