import { Type } from 'typebox';
import { PACKAGE_FAULT_CODES } from '../storage/records.ts';

/** What commands read in answers of the service (docs/http.md). */
export const REPOSITORIES = Type.Object({
  repositories: Type.Array(Type.Object({ repository: Type.String() })),
});

export const REPOSITORY = Type.Object({
  repository: Type.String(),
  packageCount: Type.Integer(),
  revision: Type.Union([Type.String(), Type.Null()]),
  progress: Type.Union([Type.Null(), Type.Object({ done: Type.Integer(), total: Type.Integer() })]),
});

export const REPOSITORY_STATUS = Type.Object({
  lastError: Type.Union([Type.Null(), Type.Object({ code: Type.String(), detail: Type.String() })]),
  setAside: Type.Array(
    Type.Object({
      location: Type.String(),
      identity: Type.String(),
      reason: Type.String(),
      since: Type.String(),
    }),
  ),
  packageFaults: Type.Array(
    Type.Object({
      location: Type.String(),
      identity: Type.String(),
      code: Type.Enum([...PACKAGE_FAULT_CODES]),
      reason: Type.String(),
      since: Type.String(),
    }),
  ),
});

export const PACKAGES = Type.Object({
  packages: Type.Array(
    Type.Object({
      location: Type.String(),
      nevra: Type.String(),
      sha256: Type.String(),
      sizeBytes: Type.Integer(),
      placedAt: Type.String(),
      publishedAt: Type.Union([Type.String(), Type.Null()]),
    }),
  ),
});
