import { demand, demandProven, type Requester } from '../access/requester.ts';
import { type Batch, repositoriesOf } from '../batches/batch-store.ts';

/**
 * Whoever commits or drops a batch may upload to every repository of it. Only what takes a file can prove by the file who
 * sent it.
 * @throws AppError CREDENTIALS_MISSING, RIGHT_MISSING, SIGNATURE_INVALID.
 */
export function demandUpload(requester: Requester, { members }: Batch): void {
  demandProven(requester);
  for (const repository of repositoriesOf(members))
    demand(requester, { right: 'upload', in: { repository } });
}
