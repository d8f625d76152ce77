import { once } from 'node:events';
import { Readable, type Writable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import { splitAtDelimiters } from './split-at-delimiters.ts';
import { STALL_MS } from '../upload-options.ts';
import { readChunks } from '../../intake/write-body.ts';

export interface FormFile {
  /** As the client sent it, without folders; empty when it sent none. */
  readonly fileName: string;
  /** To be read, or resumed, to its end: the next file comes only then. */
  readonly content: Readable;
}

export interface FormRules {
  readonly maxFiles: number;
  /** Called for each field that is no file, in the order of the form. */
  readonly onField: (name: string, value: string) => void;
}

/** More fields than a client needs. */
const MAX_FIELDS = 10;
const MAX_FIELD_BYTES = 1024;

/**
 * The files of a form, one after the other as they arrive. The parser makes a stream of each part, also of those that it
 * passes over: it is given one part at a time, and not more parts than a form may have. The body is not destroyed, so
 * that the client can still be answered.
 * @throws Error when the form cannot be read or has too many parts; AppError UPLOAD_STALLED, BODY_INCOMPLETE.
 */
export function formFiles(
  body: Readable,
  boundary: string,
  { maxFiles, onField }: FormRules,
): AsyncIterable<FormFile> {
  const failure = new AbortController();
  const files = new Readable({ objectMode: true, read: () => undefined });
  const parser = new Busboy({
    // Written anew, so that the parser finds the delimiters that are counted here.
    headers: { 'content-type': `multipart/form-data; boundary="${boundary}"` },
    limits: { files: maxFiles, fields: MAX_FIELDS, fieldSize: MAX_FIELD_BYTES },
  });
  let current: Readable | undefined;
  let previousRead: Promise<unknown> | undefined;
  parser
    .on('file', (_field, content, fileName: string | undefined) => {
      previousRead = current === undefined ? undefined : whenClosed(current);
      current = content;
      // The reader of a file may have come to its end, or not yet to its beginning, when the form breaks off.
      content.on('error', () => undefined);
      files.push({ fileName: fileName ?? '', content } satisfies FormFile);
    })
    .on('field', (name, value) => onField(name, value))
    .on('error', (error) => failure.abort(error))
    .on('filesLimit', () => failure.abort(new Error(`it has more than ${maxFiles} files`)))
    .on('fieldsLimit', () => failure.abort(new Error(`it has more than ${MAX_FIELDS} fields`)));

  const feed = async (): Promise<void> => {
    const { signal } = failure;
    const chunks = readChunks(body, { stallMs: STALL_MS, signal });
    let isEmpty = true;
    // One delimiter before each part, and one at the end.
    for await (const piece of splitAtDelimiters(chunks, boundary, maxFiles + MAX_FIELDS + 1)) {
      isEmpty = false;
      await writePiece(parser, piece, signal);
      await previousRead;
      signal.throwIfAborted();
    }
    if (isEmpty) return;
    const finished = once(parser, 'finish', { signal });
    parser.end();
    await finished;
  };
  feed().then(
    () => files.push(null),
    (error: Error) => {
      current?.destroy(error);
      files.destroy(error);
    },
  );
  return files;
}

/** A file closes when it was read to its end, or broke off. */
function whenClosed(content: Readable): Promise<void> {
  if (content.closed) return Promise.resolve();
  return new Promise((resolve) => content.once('close', resolve));
}

/** Done when the parser has room for more, which may be when the reader of a file has read on. */
async function writePiece(parser: Writable, piece: Buffer, signal: AbortSignal): Promise<void> {
  const written = Promise.withResolvers<void>();
  const fail = (): void => written.reject(signal.reason);
  signal.addEventListener('abort', fail);
  parser.write(piece, () => written.resolve());
  try {
    await written.promise;
  } finally {
    signal.removeEventListener('abort', fail);
  }
}
