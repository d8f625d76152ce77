import type { FastifyReply } from 'fastify';
import type { RequestOf, RouteHandlers } from '../routes.ts';
import { answerUpload } from '../upload/answer-upload.ts';
import { parseWaitMs } from '../wait-query.ts';
import { beginResumable, type ResumableOptions } from './begin-resumable.ts';
import { takePiece } from './take-piece.ts';
import { sayExpiry } from './tus-headers.ts';
import { TUS_VERSION } from './tus-protocol.ts';

type ResumableHandlers = Pick<
  RouteHandlers,
  'describeTus' | 'beginResumable' | 'tellOffset' | 'takePiece' | 'deleteResumable'
>;

const TUS_EXTENSIONS = 'creation,expiration,termination';

/** Uploads that can go on after a cut, by the tus protocol; the last piece is answered like a PUT of the whole file. */
export function createResumableHandlers(options: ResumableOptions): ResumableHandlers {
  const { resumableUploads: uploads, maxUploadBytes } = options;
  return {
    describeTus: (_request, reply) =>
      reply
        .code(204)
        .header('tus-version', TUS_VERSION)
        .header('tus-extension', TUS_EXTENSIONS)
        .header('tus-max-size', maxUploadBytes)
        .send(),

    beginResumable: (request, reply) => beginResumable(request, reply, options),

    tellOffset: (request, reply) =>
      uploads.hold(request.params.id, request.demandOwner(), async (upload) =>
        sayExpiry(reply, upload.expiresAtMs)
          .header('upload-offset', upload.offset)
          .header('upload-length', upload.lengthBytes)
          .header('cache-control', 'no-store')
          .send(),
      ),

    takePiece: (request, reply) => answerPiece(request, reply, options),

    deleteResumable: async (request, reply) => {
      const { id } = request.params;
      const sizeBytes = await uploads.hold(id, request.demandOwner(), async (upload) => {
        await upload.remove();
        return upload.lengthBytes;
      });
      request.audit({ outcome: 'upload deleted', upload: id, sizeBytes });
      return reply.code(204).send();
    },
  };
}

// A client may send ?wait= with every request of an upload, like the digests.
async function answerPiece(
  request: RequestOf<'takePiece'>,
  reply: FastifyReply,
  options: ResumableOptions,
): Promise<FastifyReply> {
  const waitMs = parseWaitMs(request.query.wait);
  try {
    const taken = await options.resumableUploads.hold(request.params.id, request.demandOwner(), (upload) =>
      takePiece(upload, { request, reply }, options),
    );
    if (taken === undefined) return await reply.code(204).send();
    return await answerUpload({ request, reply }, taken, waitMs, options);
  } finally {
    // An unread rest would keep the connection open until the idle limit, also when the client has left.
    request.raw.resume();
  }
}
