import type { Records } from './records.ts';
import type { Target } from './repository-layout.ts';

/** Whether an index run found other bytes than the acknowledged ones at a place. */
export async function isDamagedThere(
  { repository, location }: Target,
  records: Pick<Records, 'packageFaultAt'>,
): Promise<boolean> {
  return (await records.packageFaultAt(repository, location))?.code === 'PACKAGE_DAMAGED';
}
