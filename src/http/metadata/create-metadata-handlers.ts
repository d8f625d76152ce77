import type { FastifyReply } from 'fastify';
import type { MetadataListDocument, MetadataRemovalDocument } from '../../api/metadata-documents.ts';
import type { MetadataOptions } from '../metadata-options.ts';
import { parseRepositoryParams } from '../repository-params.ts';
import type { RequestOf, RouteHandlers } from '../routes.ts';
import { parseWaitMs } from '../wait-query.ts';
import { toCondition, toEtag } from './metadata-etag.ts';
import { putMetadata } from './put-metadata.ts';
import { sendMetadata } from './send-metadata.ts';
import { waitForChange } from './wait-for-change.ts';

type MetadataHandlers = Pick<
  RouteHandlers,
  'listMetadata' | 'getMetadata' | 'putMetadata' | 'deleteMetadata'
>;

/** Metadata that is not derived from packages: comps, updateinfo, modules, ... */
export function createMetadataHandlers(options: MetadataOptions): MetadataHandlers {
  return {
    listMetadata: (request) => listMetadata(request, options),
    getMetadata: (request, reply) => sendMetadata(request, reply, options),
    putMetadata: (request, reply) => putMetadata(request, reply, options),
    deleteMetadata: (request, reply) => deleteMetadata(request, reply, options),
  };
}

async function listMetadata(
  { params }: RequestOf<'listMetadata'>,
  options: MetadataOptions,
): Promise<MetadataListDocument> {
  const repository = parseRepositoryParams(params);
  const found = await options.listMetadata(repository);
  return {
    repository,
    metadata: found.map(({ type, openSha256, state }) => ({ type, etag: toEtag(openSha256), state })),
  };
}

async function deleteMetadata(
  request: RequestOf<'deleteMetadata'>,
  reply: FastifyReply,
  options: MetadataOptions,
): Promise<MetadataRemovalDocument> {
  const { type } = request.params;
  const repository = parseRepositoryParams(request.params);
  const waitMs = parseWaitMs(request.query.wait);
  using kept = await options.removeMetadata(repository, type, toCondition(request));
  request.audit({ outcome: `${type} removed`, repositories: [repository] });
  const state = await waitForChange(kept, { repository, type, waitMs, reply }, options);
  reply.code(state === 'waiting' ? 202 : 200);
  return { repository, type, state: state === 'published' ? 'removed' : state };
}
