import type { BatchStore } from '../batches/batch-store.ts';
import type { IngestParts } from '../ingest.ts';

export interface BatchParts extends IngestParts {
  readonly batches: BatchStore;
}
