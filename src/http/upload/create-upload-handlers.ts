import type { FastifyReply } from 'fastify';
import { AppError } from '../../errors.ts';
import type { RouteHandlers } from '../routes.ts';
import type { UploadOptions } from '../upload-options.ts';
import { parseWaitMs } from '../wait-query.ts';
import { answerUpload } from './answer-upload.ts';
import { isForm } from './form-boundary.ts';
import { ingestReceivedFile, type UploadRequest } from './ingest-received-file.ts';
import { readUploadTerms } from './read-upload-terms.ts';
import { receiveBody } from './receive-body.ts';
import { takeForm } from './take-form.ts';

type UploadHandlers = Pick<
  RouteHandlers,
  'putUpload' | 'putNamedUpload' | 'postUpload' | 'refuseUploadMethod'
>;

/**
 * PUT or POST of one package, or of a form with many: the body says which, because clients mix them up. Each package
 * becomes a SpooledUpload, which goes to `ingest`.
 */
export function createUploadHandlers(options: UploadOptions): UploadHandlers {
  return {
    putUpload: (request, reply) => takeUpload(request, reply, options),
    putNamedUpload: (request, reply) => {
      checkUploadName(request.params['*']);
      return takeUpload(request, reply, options);
    },
    postUpload: (request, reply) => takeUpload(request, reply, options),
    refuseUploadMethod: (_request, reply) => refuseMethod(reply, options.uploadPath),
  };
}

async function takeUpload(
  request: UploadRequest,
  reply: FastifyReply,
  options: UploadOptions,
): Promise<FastifyReply> {
  if (isForm(request.headers['content-type'])) return takeForm(request, reply, options);
  const waitMs = parseWaitMs(request.query.wait);
  const receive = () => receiveBody(request, reply, options);
  const exchange = { request, reply, terms: readUploadTerms(request) };
  const outcome = await ingestReceivedFile(receive, exchange, options);
  return answerUpload(exchange, outcome, waitMs, options);
}

/** The name in the URL decides nothing but must be a file name: other segments are kept for later use. */
function checkUploadName(name: string): void {
  if (name === '' || (!name.includes('/') && name.endsWith('.rpm'))) return;
  throw new AppError(
    'UPLOAD_PATH_RESERVED',
    'the path after the upload URL must be one file name ending in .rpm',
    { hint: 'Upload to the upload URL itself, or to <upload URL>/<file>.rpm.' },
  );
}

function refuseMethod(reply: FastifyReply, uploadPath: string): never {
  reply.header('allow', 'PUT, POST');
  throw new AppError('METHOD_NOT_ALLOWED', `${uploadPath} takes PUT and POST`, {
    hint: 'Upload with curl -T pkg.rpm <url>, or with curl -F file=@pkg.rpm <url>.',
  });
}
