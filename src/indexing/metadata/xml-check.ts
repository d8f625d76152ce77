import { SaxesParser, type SaxesTagPlain } from 'saxes';

// libxml2 refuses more than 256; the parser keeps each open element with its attributes. comps and updateinfo have seven.
const MAX_DEPTH = 64;
// What the parser collects lies between two tags: a text, comment or CDATA section, or a tag with its
// attributes. libxml2 refuses a text of 10 MB; the longest of a distribution is a description of some 200 kB.
const MAX_BETWEEN_TAGS = 1024 * 1024;
// libxml2 refuses names of more than 50,000; real ones have twenty.
const MAX_NAME_LENGTH = 256;
// expat takes the names of XML 1.0's fourth edition, libxml2 and others those of the fifth; real ones are ASCII.
const NAME = /^[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?$/;
// Between "<!DOCTYPE" and ">" the parser looks only at brackets and quotes; readers stop at anything but this. Source:
// XML 1.0, productions 28 (doctypedecl), 75 (ExternalID) and 13 (PubidChar).
const PUBLIC_ID = String.raw`"[\w \n'()+,./:=?;!*#@$%-]*"`;
const SYSTEM_ID = '"[ !#-~]*"';
const DOCTYPE = new RegExp(
  String.raw`^\s+[A-Za-z_][\w.-]*(?:\s+(?:SYSTEM|PUBLIC\s+${PUBLIC_ID})\s+${SYSTEM_ID})?\s*$`,
);
// \s has more white space than XML.
const FOREIGN_CHARACTER = /[^\n\t -~]/;

/** The rules for the elements of a type. Each function throws an Error that says what is wrong. */
export interface ElementRules {
  /** @param path the names of the open elements, this one last. */
  readonly open: (path: readonly string[], attributes: Readonly<Record<string, string>>) => void;
  readonly text: (path: readonly string[], text: string) => void;
  /** @param path as it was open. */
  readonly close: (path: readonly string[]) => void;
}

/**
 * Reads XML as it arrives in pieces, as strictly as the strictest reader on any host, and keeps none of it. Without rules it
 * has five handlers: with more, saxes takes seven times as long, and updateinfo may have 100 MB.
 */
export class XmlCheck {
  readonly #parser = new SaxesParser();
  readonly #rules: ElementRules | undefined;
  readonly #path: string[] = [];
  #lastTagEnd = 0;
  #root: string | undefined;

  constructor(rules?: ElementRules) {
    this.#rules = rules;
    this.#parser.on('xmldecl', ({ version, encoding }) => {
      // zypper drops a repository whose encoding it does not know, and 1.1 allows control characters.
      if (version !== '1.0') throw new Error(`expected XML 1.0, found ${version}`);
      if (encoding === undefined || encoding.toLowerCase() === 'utf-8') return;
      throw new Error(`expected the encoding UTF-8, found ${encoding}`);
    });
    this.#parser.on('doctype', (doctype) => {
      // An entity could unfold without end in a reader, and a default of an attribute would be seen by some only.
      if (doctype.includes('[')) throw new Error('its document type has a subset of its own');
      if (!DOCTYPE.test(doctype) || FOREIGN_CHARACTER.test(doctype)) {
        throw new Error(
          'expected a document type of a name, alone or with PUBLIC "..." "..." or SYSTEM "..."',
        );
      }
    });
    this.#parser.on('processinginstruction', ({ target }) => {
      // The parser takes "<?x?y?>", which readers stop at, and no type has instructions.
      throw new Error(`it has a processing instruction, "${target}"`);
    });
    this.#parser.on('opentag', (tag) => this.#open(tag));
    this.#parser.on('closetag', () => {
      this.#lastTagEnd = this.#parser.position;
      this.#rules?.close(this.#path);
      this.#path.pop();
    });
    if (rules === undefined) return;
    this.#parser.on('text', (text) => rules.text(this.#path, text));
    this.#parser.on('cdata', (text) => rules.text(this.#path, text));
  }

  /** The root element; undefined before it has come. */
  get root(): string | undefined {
    return this.#root;
  }

  /** @throws Error saying what is wrong. */
  write(text: string): void {
    this.#parser.write(text);
    if (this.#parser.position - this.#lastTagEnd <= MAX_BETWEEN_TAGS) return;
    throw new Error(
      `a tag, text or comment has more than ${MAX_BETWEEN_TAGS} characters, in line ${this.#parser.line}`,
    );
  }

  /** @throws Error when an element is open. */
  close(): void {
    this.#parser.close();
  }

  #open({ name, attributes }: SaxesTagPlain): void {
    this.#root ??= name;
    this.#path.push(name);
    this.#lastTagEnd = this.#parser.position;
    if (this.#path.length > MAX_DEPTH) throw new Error(`its elements are nested more than ${MAX_DEPTH} deep`);
    checkName(name);
    for (const attribute of Object.keys(attributes)) checkName(attribute);
    this.#rules?.open(this.#path, attributes);
  }
}

function checkName(name: string): void {
  if (name.length > MAX_NAME_LENGTH) throw new Error(`a name has more than ${MAX_NAME_LENGTH} characters`);
  if (!NAME.test(name))
    throw new Error(`expected a name of ASCII letters, digits and _ - . :, found "${name}"`);
}
