import type { FastifyReply, FastifyRequest } from 'fastify';
import { toAppError } from '../../errors.ts';
import { headerText } from '../../base/text/header-text.ts';
import type { Access, AskedRequest } from '../../trust/access.ts';
import { changesNothing } from '../hooks/changes-nothing.ts';
import { needOfRepositoryUrl } from '../hooks/repository-path.ts';
import { refuseCrossSite } from '../hooks/refuse-cross-site.ts';
import { demand, type Need } from '../../trust/requester.ts';
import type { RouteHandlers } from '../routes.ts';

export interface NginxQuestions {
  readonly access: Access;
  /** How clients reach the service. */
  readonly publicUrl: string;
  /** nginx spools a body before the service sees it. @throws AppError STORAGE_FULL. */
  readonly demandRoom: (sizeBytes: number) => void;
  /** The largest body that nginx takes. */
  readonly maxUploadBytes: number;
  /** The file or directory in the tree for a path below /repo/. */
  readonly onDisk: (path: string) => string;
}

/**
 * Answers the questions of the nginx in front before it takes a body or serves a file (auth_request): 204, 401, 403, or
 * 507 when there is no room for a body. X-Original-URI and X-Original-Method name the request, X-Original-Length the
 * length of its body. The answer has code, detail and hint in headers, because nginx drops the body.
 */
export function createNginxHandlers(options: NginxQuestions): Pick<RouteHandlers, 'mayUpload' | 'mayRead'> {
  const { demandRoom, maxUploadBytes, onDisk } = options;
  return {
    // The upload itself comes to the service afterwards.
    mayUpload: (request, reply) =>
      answer(request, reply, async () => {
        const original = readOriginal(request);
        await identify(request, { need: needOfUpload(original), use: 'look' }, options);
        // The service itself checks every other body, as it arrives.
        if (original.method === 'PUT') demandRoom(readSpooledBytes(original, maxUploadBytes));
      }),
    mayRead: (request, reply) =>
      answer(request, reply, async () => {
        const { url } = readOriginal(request);
        // A listing comes to the service afterwards; nginx serves every other file.
        const use = /^[^?]*\/(?:\?|$)/.test(url) ? 'look' : 'consume';
        await identify(request, { need: needOfRepositoryUrl(url, onDisk), use }, options);
        demandLookedAt(request, url);
      }),
  };
}

async function identify(
  request: FastifyRequest,
  { need, use }: { readonly need: Need | 'nothing'; readonly use: 'look' | 'consume' },
  { access, publicUrl }: Pick<NginxQuestions, 'access' | 'publicUrl'>,
): Promise<void> {
  const original = readOriginal(request);
  refuseCrossSite(original, publicUrl);
  if (need === 'nothing') return;
  request.requester = await access.identify(original, need, use);
  demand(request.requester, need);
}

/**
 * nginx first looks for a directory `9.4`, and sends the number that it reads instead. If such a directory was made
 * since then, the question must not be about the other one: the right is needed in both.
 */
function demandLookedAt(request: FastifyRequest, url: string): void {
  const major = headerText(request.headers['x-original-major']);
  if (major === undefined) return;
  const need = needOfRepositoryUrl(url, (path) => path.replace(/^[^/]*/, major));
  if (need !== 'nothing') demand(request.requester, need);
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  check: () => Promise<void>,
): Promise<FastifyReply> {
  const original = readOriginal(request);
  request.askedFor = { method: original.method, url: original.url };
  try {
    await check();
    return reply.code(204).send();
  } catch (thrown) {
    const error = toAppError(thrown);
    reply
      .header('x-rpmyard-code', error.code)
      .header('x-rpmyard-detail', quotable(error.message))
      .header('x-rpmyard-hint', quotable(error.hint));
    throw error;
  }
}

function needOfUpload({ method }: AskedRequest): Need | 'nothing' {
  // For a request that only reads, the route itself checks the right; it has no body to refuse before.
  return changesNothing(method) ? 'nothing' : { right: 'upload', in: 'some' };
}

function readOriginal({ headers, method }: FastifyRequest): AskedRequest {
  return {
    method: headerText(headers['x-original-method']) ?? method,
    url: headerText(headers['x-original-uri']) ?? '',
    headers,
  };
}

/**
 * How much nginx may write of the body that it is about to spool. Only the end of a body in chunks shows its length,
 * and older files of nginx do not send the length.
 */
function readSpooledBytes({ headers }: AskedRequest, maxUploadBytes: number): number {
  const text = headerText(headers['x-original-length']) ?? '';
  if (text === 'unknown') return maxUploadBytes;
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

/** nginx puts it between quotes without any escaping. */
function quotable(message: string): string {
  return message.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, '?');
}
