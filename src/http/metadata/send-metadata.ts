import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { AppError, errnoOf } from '../../errors.ts';
import type { MetadataOptions } from '../metadata-options.ts';
import { parseRepositoryParams } from '../repository-params.ts';
import type { RequestOf } from '../routes.ts';
import { toEtag } from './metadata-etag.ts';
import { isNotModified, readPreconditions } from './preconditions.ts';
import type { RepositoryName } from '../../rpm/repository-name.ts';

// Any client that may upload can send this metadata, so no browser may take it for a page of this site.
const CONTENT_HEADERS = { 'x-content-type-options': 'nosniff', 'content-security-policy': 'sandbox' };

// While the file is opened, a run may publish it under another name.
const ATTEMPTS = 2;

/** Sends the uncompressed content of metadata, also while it waits to be published. */
export async function sendMetadata(
  request: RequestOf<'getMetadata'>,
  reply: FastifyReply,
  options: MetadataOptions,
): Promise<FastifyReply> {
  const repository = parseRepositoryParams(request.params);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const sent = await sendOnce(request, reply, options);
    if (sent !== 'moved') return sent;
  }
  throw unreadable(repository, request.params.type);
}

async function sendOnce(
  { params, headers, method }: RequestOf<'getMetadata'>,
  reply: FastifyReply,
  options: MetadataOptions,
): Promise<FastifyReply | 'moved'> {
  const preconditions = readPreconditions(headers);
  const found = await options.findMetadata(parseRepositoryParams(params), params.type);
  const etag = toEtag(found.openSha256);
  reply.header('etag', etag).header('cache-control', 'no-cache');
  if (isNotModified(preconditions, etag)) return reply.code(304).send();
  const content = options.openContent(found.path);
  const start = await readStart(content).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT' || found.state !== 'waiting') throw error;
    return undefined;
  });
  if (start === undefined) return 'moved';
  reply.type(chooseMediaType(start)).headers(CONTENT_HEADERS);
  if (method === 'HEAD') {
    await content.return(undefined);
    return reply.send();
  }
  const body = Readable.from(content);
  body.unshift(start);
  return reply.send(body);
}

async function readStart(content: AsyncGenerator<Uint8Array>): Promise<Uint8Array> {
  const first = await content.next();
  return first.done === true ? Buffer.alloc(0) : first.value;
}

function chooseMediaType(start: Uint8Array): string {
  if (start.includes(0)) return 'application/octet-stream';
  const isXml = /^(?:\xef\xbb\xbf)?\s*</.test(Buffer.from(start).toString('latin1', 0, 1024));
  return isXml ? 'application/xml; charset=utf-8' : 'text/plain; charset=utf-8';
}

function unreadable(repository: RepositoryName, type: string): AppError {
  return new AppError('STORAGE_FAILED', `${type} of ${repository} was gone each time it was opened`, {
    hint: 'Ask again; if it fails again, the administrator should look at the disk of state_dir.',
  });
}
