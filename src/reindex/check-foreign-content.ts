import { loadAll } from 'js-yaml';
import { SaxesParser } from 'saxes';
import { AppError, errnoOf } from '../errors.ts';
import { openMetadata } from '../unpack/open-metadata.ts';

// The largest updateinfo of a distribution has some 100 MB; a small file may unfold to terabytes.
const MAX_OPEN_BYTES = 1024 ** 3;
// libxml2 refuses more, and a few compressed bytes would keep a parser busy for minutes.
const MAX_DEPTH = 256;
// Entities could unfold without end in a reader, and no metadata has one; comps does have a document type.
const ENTITY = /<!ENTITY/i;

// What readers of a type stumble over when something else comes: dnf ends with a core dump for modules.
const ROOT_OF_TYPE: ReadonlyMap<string, string> = new Map([
  ['group', 'comps'],
  ['updateinfo', 'updates'],
]);
const YAML_TYPE = 'modules';
const MAX_YAML_BYTES = 64 * 1024 * 1024;

/**
 * Reads a metadata file to its end: text, well-formed where it is XML, with what its type is known to hold.
 * @throws AppError METADATA_INVALID, INDEX_ENGINE_MISSING for a compression whose tool is not installed.
 */
export async function checkForeignContent(type: string, path: string): Promise<void> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const parser = new SaxesParser();
  let isXml: boolean | undefined;
  let root: string | undefined;
  let openBytes = 0;
  const yaml: string[] = [];
  let depth = 0;
  parser.on('opentag', ({ name }) => {
    root ??= name;
    depth += 1;
    if (depth > MAX_DEPTH) throw new Error(`its elements are nested more than ${MAX_DEPTH} deep`);
  });
  parser.on('closetag', () => {
    depth -= 1;
  });
  try {
    for await (const piece of openMetadata(path)) {
      openBytes += piece.length;
      if (openBytes > MAX_OPEN_BYTES) throw new Error(`it unfolds to more than ${MAX_OPEN_BYTES} bytes`);
      const text = decoder.decode(piece, { stream: true });
      isXml ??= /^\s*</.test(text);
      if (isXml && ENTITY.test(text)) throw new Error('it declares an entity');
      if (isXml) parser.write(text);
      if (type === YAML_TYPE) yaml.push(text);
      if (type === YAML_TYPE && openBytes > MAX_YAML_BYTES) throw new Error('it is too large for modules');
    }
    decoder.decode();
    if (isXml === true) parser.close();
    const expectedRoot = ROOT_OF_TYPE.get(type);
    if (expectedRoot !== undefined && root !== expectedRoot) {
      throw new Error(`expected <${expectedRoot}>, found ${root === undefined ? 'no XML' : `<${root}>`}`);
    }
    if (type === YAML_TYPE) checkModules(yaml.join(''));
  } catch (cause) {
    if (errnoOf(cause) !== undefined || isToolMissing(cause)) throw cause;
    throw invalid(reasonOf(cause), cause);
  }
  if (openBytes === 0) throw invalid('it is empty');
}

/** Source: libmodulemd, a stream of documents, each a mapping that says which kind of document it is. */
function checkModules(text: string): void {
  for (const document of loadAll(text)) {
    const isModule = typeof document === 'object' && document !== null && 'document' in document;
    if (!isModule) throw new Error('expected YAML documents with a "document" each, such as modulemd');
  }
}

function isToolMissing(error: unknown): boolean {
  return error instanceof AppError && error.code === 'INDEX_ENGINE_MISSING';
}

/** Without the path on this server, which openMetadata puts before it. */
function reasonOf(error: unknown): string {
  const cause = error instanceof AppError && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}

function invalid(reason: string, cause?: unknown): AppError {
  return new AppError('METADATA_INVALID', `the metadata cannot be used: ${reason}`, {
    hint: 'Send UTF-8 text, well-formed where it is XML, plain or compressed.',
    cause,
  });
}
