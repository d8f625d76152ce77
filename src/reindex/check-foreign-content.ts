import { SaxesParser } from 'saxes';
import { AppError, errnoOf } from '../errors.ts';
import { openMetadata } from './open-metadata.ts';

/** Extension of a kind of content. */
export type ForeignContent = 'xml' | 'yaml' | 'txt';

// The largest updateinfo of a distribution has some 100 MB; a small file may unfold to terabytes.
const MAX_OPEN_BYTES = 1024 ** 3;

const XML_START = /^\s*</;
const YAML_START = /^\s*(?:---|#|[A-Za-z0-9_-]+:)/;

/**
 * Reads a metadata file to its end: text, well-formed where it is XML.
 * @throws AppError METADATA_INVALID, INDEX_ENGINE_MISSING for a compression whose tool is not installed.
 */
export async function checkForeignContent(path: string): Promise<ForeignContent> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const parser = new SaxesParser({ xmlns: true });
  let content: ForeignContent | undefined;
  let openBytes = 0;
  try {
    for await (const piece of openMetadata(path)) {
      openBytes += piece.length;
      if (openBytes > MAX_OPEN_BYTES) throw new Error(`it unfolds to more than ${MAX_OPEN_BYTES} bytes`);
      const text = decoder.decode(piece, { stream: true });
      content ??= kindOf(text);
      if (content === 'xml') parser.write(text);
    }
    decoder.decode();
    if (content === 'xml') parser.close();
  } catch (cause) {
    if (errnoOf(cause) !== undefined || isToolMissing(cause)) throw cause;
    throw invalid(cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (content === undefined) throw invalid('it is empty');
  return content;
}

function kindOf(text: string): ForeignContent {
  if (XML_START.test(text)) return 'xml';
  return YAML_START.test(text) ? 'yaml' : 'txt';
}

function isToolMissing(error: unknown): boolean {
  return error instanceof AppError && error.code === 'INDEX_ENGINE_MISSING';
}

function invalid(reason: string, cause?: unknown): AppError {
  return new AppError('METADATA_INVALID', `the metadata cannot be used: ${reason}`, {
    hint: 'Send UTF-8 text, well-formed where it is XML, plain or compressed.',
    cause,
  });
}
