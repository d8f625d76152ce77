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
const DOCUMENT_START = /^---(?=\s|$)/m;

/** Reads the documents of `modules` one after the other as the text arrives in pieces. */
export class ModulesCheck {
  #document = '';
  /** How many began; what comes before the first is none, and may be comments only. */
  #count = 0;
  #characters = 0;

  /** @throws Error saying what is wrong, and with which document. */
  write(text: string): void {
    this.#characters += text.length;
    if (this.#characters > MAX_CHARACTERS) throw new Error(`it has more than ${MAX_CHARACTERS} characters`);
    const given = this.#document + text;
    // The last line may go on in the next piece.
    const end = given.lastIndexOf('\n') + 1;
    const [first = '', ...others] = given.slice(0, end).split(DOCUMENT_START);
    let current = first;
    for (const next of others) {
      this.#end(current);
      this.#count += 1;
      current = next;
    }
    this.#document = current + given.slice(end);
    this.#checkSize(this.#document);
  }

  /** @throws Error as write(); when there is no document. */
  close(): void {
    this.write('\n');
    this.#end(this.#document);
    if (this.#count === 0) throw new Error('it has no document');
  }

  #end(text: string): void {
    this.#checkSize(text);
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

  /** Before it is parsed: what the parser makes of it takes a hundred times as much memory. */
  #checkSize(document: string): void {
    const isLarge = document.length > MAX_DOCUMENT_CHARACTERS || countMarks(document) > MAX_MARKS;
    if (!isLarge) return;
    throw new Error(`document ${Math.max(1, this.#count)}: is larger than the description of any module`);
  }
}

function countMarks(text: string): number {
  return text.matchAll(MARK).reduce((count) => count + 1, 0);
}
