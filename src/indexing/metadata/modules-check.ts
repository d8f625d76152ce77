import { checkModulemd } from './modulemd-shapes.ts';
import { readYamlTrees } from './yaml-tree.ts';

// All modules of EL 8 with every build have some 10 MB.
const MAX_CHARACTERS = 64 * 1024 * 1024;
// One build of the largest module, with every package and its checksum, has less than one.
const MAX_DOCUMENT_CHARACTERS = 4 * 1024 * 1024;
// Each node of a document ends at one of them, or begins with it. Up to 400 bytes of memory each; the largest have 100,000.
const MARK = /[\n,[{:]|[-?]\s/g;
const MAX_MARKS = 400_000;

// A line that begins so begins a document, wherever it stands. Source: YAML 1.2, 9.1.2 and production 206.
const DOCUMENT_START = /^---(?:[ \t]+|(?=\s|$))/m;
// libyaml takes no mapping in the line that begins a document, other parsers do.
const TEXT_AFTER_START = /^---[ \t]+[^\s#]/m;

// Before a document there may be one directive of each, and comments. Source: libyaml, scanner.c,
// yaml_parser_scan_directive(), and parser.c, yaml_parser_process_directives().
const BYTE_ORDER_MARK = /^\ufeff/;
const DIRECTIVE = /^%/m;
const YAML_DIRECTIVE = /^%YAML[ \t]+1\.[12][ \t]*$/;
const TAG_DIRECTIVE = /^%TAG[ \t]+!(?:[\w-]*!)?[ \t]+[\w:.,/!-]+[ \t]*$/;
const BETWEEN_DIRECTIVES = /^ *(?:#.*)?$/;

/**
 * Reads the documents of `modules` one after the other as the text arrives in pieces. It looks at each character a fixed number
 * of times: a file of zstd frames may arrive in pieces of a few bytes.
 */
export class ModulesCheck {
  /** The lines of the open document, in pieces as they came. */
  #lines: string[] = [];
  #lineCharacters = 0;
  #marks = 0;
  /** The last line, which goes on in the next piece. */
  #openLine = '';
  /** How many began; what comes before the first is none, and may be comments only. */
  #count = 0;
  #characters = 0;

  /** @throws Error saying what is wrong, and with which document. */
  write(piece: string): void {
    const text = this.#characters === 0 ? piece.replace(BYTE_ORDER_MARK, '') : piece;
    this.#characters += text.length;
    if (this.#characters > MAX_CHARACTERS) throw new Error(`it has more than ${MAX_CHARACTERS} characters`);
    const end = text.lastIndexOf('\n') + 1;
    const start = this.#openLine;
    this.#openLine = end > 0 ? text.slice(end) : start + text;
    if (end > 0) this.#addLines(start + text.slice(0, end));
    this.#checkSize();
  }

  /** @throws Error as write(); when there is no document. */
  close(): void {
    this.write('\n');
    this.#endDocument(this.#takeText());
    if (this.#count === 0) throw new Error('it has no document');
  }

  /** @param text whole lines. */
  #addLines(text: string): void {
    if (TEXT_AFTER_START.test(text)) throw new Error('expected a line end after "---", found a text');
    const [first = '', ...others] = text.split(DOCUMENT_START);
    this.#addToDocument(first);
    for (const next of others) {
      this.#endDocument(withoutDirectives(this.#takeText()));
      this.#count += 1;
      this.#addToDocument(next);
    }
  }

  #addToDocument(lines: string): void {
    this.#lines.push(lines);
    this.#lineCharacters += lines.length;
    this.#marks += countMarks(lines);
    this.#checkSize();
  }

  #takeText(): string {
    const text = this.#lines.join('');
    this.#lines = [];
    this.#lineCharacters = 0;
    this.#marks = 0;
    return text;
  }

  #endDocument(text: string): void {
    try {
      const documents = readYamlTrees(text);
      // libmodulemd loses its place at an empty one, libyaml reads none without a "---" after another: dnf ends with a
      // core dump.
      const isSingle = documents.length === 1 || (documents.length === 0 && this.#count === 0);
      if (!isSingle) throw new Error(`expected one document after "---", found ${documents.length}`);
      if (this.#count === 0) this.#count = documents.length;
      for (const document of documents) checkModulemd(document);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`document ${Math.max(1, this.#count)}: ${reason}`, { cause: error });
    }
  }

  /** Before the document is parsed: what the parser makes of it takes a hundred times as much memory. */
  #checkSize(): void {
    const isLong = this.#lineCharacters + this.#openLine.length > MAX_DOCUMENT_CHARACTERS;
    if (!isLong && this.#marks <= MAX_MARKS) return;
    throw new Error(`document ${Math.max(1, this.#count)}: is larger than the description of any module`);
  }
}

/** The text of a document, or what stands before the first, without the directives for the next one. */
function withoutDirectives(text: string): string {
  const end = `\n${text}`.lastIndexOf('\n...');
  const start = end === -1 ? 0 : text.indexOf('\n', end) + 1;
  const directives = text.slice(start);
  if (!DIRECTIVE.test(directives)) return text;
  const lines = directives.split(/\r?\n/).filter((line) => !BETWEEN_DIRECTIVES.test(line));
  const isTaken = [YAML_DIRECTIVE, TAG_DIRECTIVE].map(
    (known) => lines.filter((line) => known.test(line)).length,
  );
  const areAllKnown =
    isTaken.every((count) => count <= 1) && lines.length === isTaken.reduce((a, b) => a + b, 0);
  // The parser tells what is wrong with others.
  return areAllKnown ? text.slice(0, start) : text;
}

function countMarks(text: string): number {
  return text.matchAll(MARK).reduce((count) => count + 1, 0);
}
