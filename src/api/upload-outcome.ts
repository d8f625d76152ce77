import type { JsonSchema } from '../base/schema/json-schema.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';
import type { DocumentOf } from './document-of.ts';
import { COUNT, LOCATION, NEVRA, OTHER_WORD, REPOSITORY_NAME, SHA256, TEXT } from './fields.ts';
import { PACKAGE_WARNING, type PackageWarning } from './package-warning.ts';
import { SIGNATURE_VERDICT } from './signature-verdict.ts';

const UPLOAD_PLACE = {
  type: 'object',
  properties: {
    repository: REPOSITORY_NAME,
    location: LOCATION,
    url: TEXT,
    state: { anyOf: [{ enum: ['staged', 'waiting', 'published', 'set-aside'] }, OTHER_WORD] },
    reason: { type: 'string', description: 'why it is set aside' },
    signature: SIGNATURE_VERDICT,
  },
  required: ['repository', 'location', 'url', 'state'],
} as const satisfies JsonSchema;

/** Where one package of an upload is, and whether hosts can install it from there. */
export interface UploadPlace extends DocumentOf<typeof UPLOAD_PLACE> {
  readonly repository: RepositoryName;
}

/** What became of an upload. */
export const UPLOAD_OUTCOME = {
  type: 'object',
  properties: {
    outcome: { anyOf: [{ enum: ['created', 'unchanged', 'known', 'staged'] }, OTHER_WORD] },
    batch: { type: 'string', description: 'of a staged package: the batch whose commit it waits for' },
    commitUrl: { type: 'string', description: 'a POST to this URL publishes that batch' },
    nevra: NEVRA,
    sha256: { ...SHA256, description: 'of the stored package' },
    receivedSha256: {
      ...SHA256,
      description: 'of the bytes that the client sent, when the service signed the package',
    },
    sizeBytes: COUNT,
    warnings: {
      type: 'array',
      description: 'why the package is not as good as it could be',
      items: PACKAGE_WARNING,
    },
    places: { type: 'array', items: UPLOAD_PLACE },
  },
  required: ['outcome', 'nevra', 'sha256', 'sizeBytes', 'places'],
} as const satisfies JsonSchema;

export interface UploadOutcome extends DocumentOf<typeof UPLOAD_OUTCOME> {
  readonly warnings?: readonly PackageWarning[];
  readonly places: readonly UploadPlace[];
}
