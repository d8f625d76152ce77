import type { Receipt, Records } from './records.ts';
import type { Target } from './repository-layout.ts';

/** The receipt of these very bytes at this place. */
export async function findReceipt(
  sha256: string,
  { repository, location }: Target,
  records: Pick<Records, 'receiptAt'>,
): Promise<Receipt | undefined> {
  const receipt = await records.receiptAt(repository, location);
  return receipt?.sha256 === sha256 ? receipt : undefined;
}
