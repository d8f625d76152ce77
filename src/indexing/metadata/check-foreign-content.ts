import { createHash, type Hash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { AppError, errnoOf } from '../../errors.ts';
import { openMetadata } from '../../base/unpack/open-metadata.ts';
import { createCompsRules } from './comps-rules.ts';
import { metadataInvalid } from './metadata-invalid.ts';
import { ModulesCheck } from './modules-check.ts';
import { XmlCheck } from './xml-check.ts';

/** A file that is to become metadata of a repository. Plain data: it travels to a process. */
export interface ContentJob {
  readonly type: string;
  /** Plain or compressed. */
  readonly path: string;
  /** A file that takes the content as one gzip member; when the check fails, the caller removes what is there. */
  readonly packedPath?: string | undefined;
}

export interface CheckedContent {
  /** Lower-case hex, of the uncompressed content. */
  readonly openSha256: string;
}

// The largest updateinfo of a distribution has some 100 MB; a small file may unfold to terabytes.
const MAX_OPEN_BYTES = 512 * 1024 * 1024;
// Real files begin at once; content that may be XML is held as long as it is blank.
const MAX_BLANK_START = 64 * 1024;
// A reason goes into a line of the log and into an answer; a parser may quote a whole name.
const MAX_REASON_LENGTH = 300;

// The root element of each type; readers of a type fail at another one.
const ROOT_OF_TYPE: ReadonlyMap<string, string> = new Map([
  ['group', 'comps'],
  ['updateinfo', 'updates'],
]);
// zypper leaves a repository out whose file of these types is no XML, whatever root it has.
const XML_TYPE = /^(?:group|updateinfo|deltainfo|prestodelta|patterns|products?|susedata|suseinfo)$/;
const YAML_TYPE = 'modules';

/** Reads content that arrives in pieces, and keeps no more of it than one element or document. */
interface ContentReader {
  /** @throws Error saying what is wrong. */
  readonly write: (text: string) => void;
  readonly close: () => void;
}

/**
 * Reads a metadata file to its end: UTF-8, well-formed where it is XML, with what readers of its type can take.
 * @throws AppError METADATA_INVALID without any path of this machine; INDEX_ENGINE_MISSING for a compression whose tool is
 * not installed; the error of the file system.
 */
export async function checkForeignContent({ type, path, packedPath }: ContentJob): Promise<CheckedContent> {
  const hash = createHash('sha256');
  try {
    const content = checked(type, path, hash);
    if (packedPath === undefined) while ((await content.next()).done !== true);
    else await pipeline(content, createGzip(), createWriteStream(packedPath, { mode: 0o644 }));
  } catch (cause) {
    if (errnoOf(cause) !== undefined || isToolMissing(cause)) throw cause;
    throw metadataInvalid(explainError(cause), cause);
  }
  return { openSha256: hash.digest('hex') };
}

/** The content as it is read and found to be right. */
async function* checked(type: string, path: string, hash: Hash): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const reader = readerByStart(type);
  let openBytes = 0;
  for await (const piece of openMetadata(path)) {
    openBytes += piece.length;
    if (openBytes > MAX_OPEN_BYTES) throw new Error(`it unfolds to more than ${MAX_OPEN_BYTES} bytes`);
    hash.update(piece);
    reader.write(decoder.decode(piece, { stream: true }));
    yield piece;
  }
  decoder.decode();
  if (openBytes === 0) throw new Error('it is empty');
  reader.close();
}

/** Holds the content until it shows which reader it needs: the first piece may be a single line end. */
function readerByStart(type: string): ContentReader {
  let start = '';
  let reader: ContentReader | undefined;
  const begin = (): ContentReader => {
    const begun = createReader(type, start);
    begun.write(start);
    start = '';
    return begun;
  };
  return {
    write: (text) => {
      if (reader !== undefined) {
        reader.write(text);
        return;
      }
      start += text;
      if (/\S/.test(text)) reader = begin();
      else if (start.length > MAX_BLANK_START) {
        throw new Error(`it begins with more than ${MAX_BLANK_START} blank characters`);
      }
    },
    close: () => (reader ?? begin()).close(),
  };
}

function createReader(type: string, start: string): ContentReader {
  if (type === YAML_TYPE) return new ModulesCheck();
  if (/^[ \t\r\n]*</.test(start)) return xmlReader(type);
  if (XML_TYPE.test(type)) throw new Error(`expected XML, as ${type} is, found something else`);
  return { write: () => undefined, close: () => undefined };
}

function xmlReader(type: string): ContentReader {
  const check = new XmlCheck(type === 'group' ? createCompsRules() : undefined);
  return {
    write: (text) => check.write(text),
    close: () => {
      check.close();
      const expected = ROOT_OF_TYPE.get(type);
      if (expected !== undefined && check.root !== expected) {
        throw new Error(`expected <${expected}>, found <${check.root ?? ''}>`);
      }
    },
  };
}

function isToolMissing(error: unknown): boolean {
  return error instanceof AppError && error.code === 'INDEX_ENGINE_MISSING';
}

/** Without the path on this server, which openMetadata puts before it. */
function explainError(error: unknown): string {
  const cause = error instanceof AppError && error.cause instanceof Error ? error.cause : error;
  const reason = (cause instanceof Error ? cause.message : String(cause)).trim().replaceAll(/\s+/g, ' ');
  return reason.length > MAX_REASON_LENGTH ? `${reason.slice(0, MAX_REASON_LENGTH)}...` : reason;
}
