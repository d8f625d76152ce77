import type { JsonSchema } from '../base/schema/json-schema.ts';
import type { DocumentOf } from './document-of.ts';
import { COUNT, LOCATION, NEVRA, OTHER_WORD, REPOSITORY_NAME, SHA256, TEXT, TIME } from './fields.ts';
import { PACKAGE_FAULT_CODES } from './package-fault-code.ts';
import { SIGNATURE_VERDICT } from './signature-verdict.ts';

const NOTHING = { type: 'null' } as const;

/** What a repository is up to. */
export const REPOSITORY_STATUS = {
  type: 'object',
  properties: {
    repository: REPOSITORY_NAME,
    state: { anyOf: [{ enum: ['clean', 'waiting', 'running', 'failed'] }, OTHER_WORD] },
    packageCount: { ...COUNT, description: 'in the published index' },
    revision: { type: ['string', 'null'], description: 'of the published repomd.xml' },
    progress: {
      description: 'of the index run under way',
      anyOf: [
        { type: 'object', properties: { done: COUNT, total: COUNT }, required: ['done', 'total'] },
        NOTHING,
      ],
    },
    waitingSince: {
      description: 'when the oldest change came that no index run covers yet',
      anyOf: [TIME, NOTHING],
    },
    lastError: {
      description: 'of the last index run, when it failed',
      anyOf: [
        {
          type: 'object',
          properties: { code: TEXT, detail: TEXT, hint: TEXT },
          required: ['code', 'detail', 'hint'],
        },
        NOTHING,
      ],
    },
  },
  required: ['repository', 'state', 'packageCount', 'revision', 'progress', 'waitingSince', 'lastError'],
} as const satisfies JsonSchema;

export type RepositoryStatusDocument = DocumentOf<typeof REPOSITORY_STATUS>;

/** Every repository that the client may read. */
export const REPOSITORY_LIST = {
  type: 'object',
  properties: { repositories: { type: 'array', items: REPOSITORY_STATUS } },
  required: ['repositories'],
} as const satisfies JsonSchema;

const SET_ASIDE = {
  type: 'object',
  properties: {
    location: LOCATION,
    identity: { type: 'string', description: 'of the file: another file under this name is tried again' },
    reason: TEXT,
    since: TIME,
  },
  required: ['location', 'identity', 'reason', 'since'],
} as const satisfies JsonSchema;

/** A package that is kept out of the index. */
export type SetAsideDocument = DocumentOf<typeof SET_ASIDE>;

const PACKAGE_FAULT = {
  type: 'object',
  properties: {
    location: LOCATION,
    identity: { type: 'string', description: 'of the file that the fault is about' },
    code: { enum: PACKAGE_FAULT_CODES },
    reason: TEXT,
    since: TIME,
  },
  required: ['location', 'identity', 'code', 'reason', 'since'],
} as const satisfies JsonSchema;

/** A package that is damaged, held back, or published as it was described before. */
export type PackageFaultDocument = DocumentOf<typeof PACKAGE_FAULT>;

/** One repository, and the packages that are not in its index as they lie there. */
export const REPOSITORY_DOCUMENT = {
  type: 'object',
  properties: {
    ...REPOSITORY_STATUS.properties,
    setAside: { type: 'array', description: 'on disk, but kept out of the index', items: SET_ASIDE },
    packageFaults: {
      type: 'array',
      description: 'damaged, held back, or published as they were described before',
      items: PACKAGE_FAULT,
    },
  },
  required: [...REPOSITORY_STATUS.required, 'setAside', 'packageFaults'],
} as const satisfies JsonSchema;

const RECEIPT = {
  type: 'object',
  properties: {
    location: LOCATION,
    nevra: NEVRA,
    sha256: SHA256,
    sizeBytes: COUNT,
    placedAt: TIME,
    publishedAt: { anyOf: [TIME, NOTHING] },
    receivedSha256: SHA256,
    signature: SIGNATURE_VERDICT,
  },
  required: ['location', 'nevra', 'sha256', 'sizeBytes', 'placedAt', 'publishedAt'],
} as const satisfies JsonSchema;

/** A package that was uploaded. */
export type ReceiptDocument = DocumentOf<typeof RECEIPT>;

/** Every package that was uploaded to a repository. */
export const REPOSITORY_PACKAGES = {
  type: 'object',
  properties: { repository: REPOSITORY_NAME, packages: { type: 'array', items: RECEIPT } },
  required: ['repository', 'packages'],
} as const satisfies JsonSchema;
