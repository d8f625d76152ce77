import { BATCH_DOCUMENT, BATCH_LIST, COMMIT_DOCUMENT } from './batch-documents.ts';
import { METADATA_LIST, METADATA_PUT, METADATA_REMOVAL } from './metadata-documents.ts';
import { PROBLEM } from './problem.ts';
import { READINESS } from './readiness.ts';
import {
  REPOSITORY_DOCUMENT,
  REPOSITORY_LIST,
  REPOSITORY_PACKAGES,
  REPOSITORY_STATUS,
} from './repository-documents.ts';
import { UPLOAD_OUTCOME } from './upload-outcome.ts';
import { UPLOAD_RESULTS } from './upload-results.ts';

/** The schema of every document that the service answers with, by the name that the table of routes calls it. */
export const DOCUMENTS = {
  UploadOutcome: UPLOAD_OUTCOME,
  UploadResults: UPLOAD_RESULTS,
  BatchList: BATCH_LIST,
  Batch: BATCH_DOCUMENT,
  Commit: COMMIT_DOCUMENT,
  RepositoryList: REPOSITORY_LIST,
  RepositoryStatus: REPOSITORY_STATUS,
  Repository: REPOSITORY_DOCUMENT,
  RepositoryPackages: REPOSITORY_PACKAGES,
  MetadataList: METADATA_LIST,
  MetadataPut: METADATA_PUT,
  MetadataRemoval: METADATA_REMOVAL,
  Readiness: READINESS,
  Problem: PROBLEM,
} as const;

export type DocumentName = keyof typeof DOCUMENTS;
