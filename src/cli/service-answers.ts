import type { JsonSchema } from '../base/schema/json-schema.ts';
import { PACKAGE_FAULT_CODES } from '../storage/records.ts';

/** The parts of the service's answers that commands read (docs/http.md). */
export const REPOSITORIES = {
  type: 'object',
  properties: {
    repositories: {
      type: 'array',
      items: { type: 'object', properties: { repository: { type: 'string' } }, required: ['repository'] },
    },
  },
  required: ['repositories'],
} as const satisfies JsonSchema;

export const REPOSITORY = {
  type: 'object',
  properties: {
    repository: { type: 'string' },
    packageCount: { type: 'integer' },
    revision: { type: ['string', 'null'] },
    progress: {
      anyOf: [
        { type: 'null' },
        {
          type: 'object',
          properties: { done: { type: 'integer' }, total: { type: 'integer' } },
          required: ['done', 'total'],
        },
      ],
    },
  },
  required: ['repository', 'packageCount', 'revision', 'progress'],
} as const satisfies JsonSchema;

export const REPOSITORY_STATUS = {
  type: 'object',
  properties: {
    lastError: {
      anyOf: [
        { type: 'null' },
        {
          type: 'object',
          properties: { code: { type: 'string' }, detail: { type: 'string' } },
          required: ['code', 'detail'],
        },
      ],
    },
    setAside: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          location: { type: 'string' },
          identity: { type: 'string' },
          reason: { type: 'string' },
          since: { type: 'string' },
        },
        required: ['location', 'identity', 'reason', 'since'],
      },
    },
    packageFaults: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          location: { type: 'string' },
          identity: { type: 'string' },
          code: { enum: [...PACKAGE_FAULT_CODES] },
          reason: { type: 'string' },
          since: { type: 'string' },
        },
        required: ['location', 'identity', 'code', 'reason', 'since'],
      },
    },
  },
  required: ['lastError', 'setAside', 'packageFaults'],
} as const satisfies JsonSchema;

export const PACKAGES = {
  type: 'object',
  properties: {
    packages: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          location: { type: 'string' },
          nevra: { type: 'string' },
          sha256: { type: 'string' },
          sizeBytes: { type: 'integer' },
          placedAt: { type: 'string' },
          publishedAt: { type: ['string', 'null'] },
        },
        required: ['location', 'nevra', 'sha256', 'sizeBytes', 'placedAt', 'publishedAt'],
      },
    },
  },
  required: ['packages'],
} as const satisfies JsonSchema;
