import {
  COLLECTION_STYLE,
  type Event,
  EVENT_ID,
  getScalarValue,
  parseEvents,
  SCALAR_STYLE,
  type MappingEvent,
  type ScalarEvent,
  YAMLException,
} from 'js-yaml';

/** A YAML node as libyaml's events tell it: every scalar is its text, whatever it looks like. */
export type YamlNode = string | readonly YamlNode[] | ReadonlyMap<string, YamlNode>;

// Extensible data of a module has six levels; libmodulemd recurses into it on the host.
const MAX_DEPTH = 32;

// Source: libyaml, src/reader.c, "Check the range of the value". In YAML 1.1, which libyaml reads, these are line breaks
// besides: U+0085, U+2028, U+2029. A byte order mark is one at the beginning only, where it is no longer in the text. A
// carriage return without a line feed ends a line for some.
const UNREADABLE =
  /\r(?!\n)|[^\t\n\r -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u;

// libyaml writes the closing quote of a text that ends with an empty line into the first column, as in the modules of
// Fedora 29, where YAML 1.2 wants it indented. White space before it has no meaning.
const LONE_QUOTE = /^(?=['"][ \t]*$)/gm;
const QUOTE_INDENT = ' '.repeat(200);
// Elsewhere than at the end of a quoted text libyaml stops at it.
const INDENTED_QUOTE = new RegExp(`${QUOTE_INDENT}['"]`);

// libyaml begins an empty document where more than comments follow.
const DOCUMENT_END = /^\.\.\.(?=\s|$)/m;

// libyaml ends a key at a line break, and where its ":" comes more than 1,024 characters behind its beginning; it reports no
// key then, but a fault. Source: scanner.c, yaml_parser_stale_simple_keys().
const MAX_KEY_LENGTH = 1000;
// A text without quotes goes on when no blank follows the ":"; libyaml sees that in another way than others.
const COLON = / *:(?=[ \r\n])/y;
const COLON_AFTER_QUOTE = / *:/y;
// js-yaml takes a key behind the end of a sequence, in the same line.
const BEFORE_BLOCK_KEY = /^(?:- |[ ])*$/;
// libyaml finds no indentation of a block scalar there.
const TAB_AS_INDENT = /^(?: *\r?\n)* *\t/;
// js-yaml drops an empty line that follows on an escaped line break.
const EMPTY_AFTER_ESCAPED = /\\\r?\n[ \t]*\r?\n/;

// libyaml takes tabs in scalars and comments, and between others in some places only.
const COMMENT = /#[^\n]*/g;

type NodeEvent = Exclude<Event, { readonly type: typeof EVENT_ID.DOCUMENT | typeof EVENT_ID.POP }>;

/**
 * The documents in a text without a line `---`, each as a tree. What only some parsers take is refused: directives, tags,
 * anchors and aliases (libmodulemd loses the anchors and then stops at the aliases), keys that are no scalars or come twice.
 * @throws Error saying what is wrong and in which line of the text, from 1.
 */
export function readYamlTrees(text: string): readonly YamlNode[] {
  const at = UNREADABLE.exec(text)?.index;
  if (at !== undefined) throw new Error(`line ${lineAt(text, at)}: a character that libyaml does not read`);
  return new TreeReader(text).read();
}

class TreeReader {
  readonly #text: string;
  readonly #events: readonly Event[];
  #next = 0;
  #scalarEnd = 0;

  constructor(text: string) {
    this.#text = text.replace(LONE_QUOTE, QUOTE_INDENT);
    this.#events = eventsOf(this.#text);
  }

  read(): readonly YamlNode[] {
    const trees: YamlNode[] = [];
    for (let event = this.#take(); event !== undefined; event = this.#take()) {
      if (event.type !== EVENT_ID.DOCUMENT) throw new Error('a node outside of a document');
      if (event.directives.length > 0) throw new Error('a directive (%) before a document');
      // js-yaml takes one that is indented.
      if (event.explicitStart) throw new Error('a "---" that is indented');
      for (const node of this.#untilPop()) trees.push(this.#nodeOf(node));
    }
    this.#checkGap(this.#text.length);
    this.#checkEnd(trees.length);
    return trees;
  }

  /** What stands behind a line "...": nothing may, and a document has to stand before. */
  #checkEnd(count: number): void {
    const end = DOCUMENT_END.exec(this.#text)?.index;
    if (end === undefined) return;
    const rest = this.#text.slice(end + 3).replace(COMMENT, '');
    if (count === 0 || rest.trim() !== '') throw this.#refused(end, 'a "..." that does not end a document');
  }

  #take(): Event | undefined {
    const event = this.#events[this.#next];
    this.#next += 1;
    return event;
  }

  *#untilPop(): Generator<NodeEvent> {
    for (let event = this.#take(); event !== undefined; event = this.#take()) {
      if (event.type === EVENT_ID.POP) return;
      if (event.type !== EVENT_ID.DOCUMENT) yield event;
    }
  }

  #nodeOf(event: NodeEvent): YamlNode {
    if (event.type === EVENT_ID.ALIAS) throw this.#refused(event.anchorStart, 'an alias (*)');
    if (event.anchorStart !== -1) throw this.#refused(event.anchorStart, 'an anchor (&)');
    if (event.tagStart !== -1) throw this.#refused(event.tagStart, 'a tag (!)');
    if (event.type === EVENT_ID.SCALAR) return this.#scalar(event);
    return event.type === EVENT_ID.SEQUENCE ? this.#sequence() : this.#mapping(event);
  }

  #scalar(event: ScalarEvent): string {
    this.#checkGap(event.valueStart);
    this.#scalarEnd = event.valueEnd;
    const value = getScalarValue(this.#text, event);
    // libyaml takes "?n" for a key in a flow collection, ":n" for a value, "n:?" for none; it reads no half of a surrogate pair, and readers
    // end at a NUL.
    const isKey = event.style === SCALAR_STYLE.PLAIN && /^[?:]|:\?/.test(value);
    const isOther = isKey || isReadOtherwise(event.style, this.#text.slice(event.valueStart, event.valueEnd));
    if (isOther || !value.isWellFormed() || value.includes('\0')) {
      throw this.#refused(event.valueStart, 'a text that libyaml reads in another way');
    }
    return value;
  }

  /** What stands between the last scalar and this position. */
  #checkGap(position: number): void {
    const gap = this.#text.slice(this.#scalarEnd, position).replace(COMMENT, '');
    if (INDENTED_QUOTE.test(gap)) throw this.#refused(position, 'a quote in the first column');
    if (gap.includes('\t')) throw this.#refused(position, 'a tab outside of texts and comments');
  }

  #sequence(): readonly YamlNode[] {
    const items: YamlNode[] = [];
    for (const item of this.#untilPop()) items.push(this.#nodeOf(item));
    return items;
  }

  #mapping({ start, style }: MappingEvent): ReadonlyMap<string, YamlNode> {
    const mapping = new Map<string, YamlNode>();
    const nodes = this.#untilPop();
    for (let key = nodes.next(); key.done !== true; key = nodes.next()) {
      const name = this.#nodeOf(key.value);
      const value = nodes.next();
      // libyaml reads no key that is left out.
      if (typeof name !== 'string' || name === '') throw this.#refused(start, 'a key that is no text');
      if (!this.#isSimpleKey(key.value, style))
        throw this.#refused(start, 'a key that has not its ":" in the same line, within 1,000 characters,');
      if (mapping.has(name)) throw this.#refused(start, `the key "${name.slice(0, 100)}" twice`);
      if (value.done === true) throw this.#refused(start, 'a key without a value');
      mapping.set(name, this.#nodeOf(value.value));
    }
    return mapping;
  }

  /** Whether a key and its ":" lie in one line as libyaml wants them: near to each other, in block style with no text before. */
  #isSimpleKey(key: NodeEvent, style: MappingEvent['style']): boolean {
    if (key.type !== EVENT_ID.SCALAR) return false;
    const quote = isQuoted(key) ? 1 : 0;
    const colon = isQuoted(key) ? COLON_AFTER_QUOTE : COLON;
    colon.lastIndex = key.valueEnd + quote;
    if (!colon.test(this.#text) || colon.lastIndex - key.valueStart > MAX_KEY_LENGTH) return false;
    if (this.#text.slice(key.valueStart, key.valueEnd).includes('\n')) return false;
    return style === COLLECTION_STYLE.FLOW || this.#isFirstInLine(key.valueStart - quote);
  }

  /** Whether no more than spaces and "- " stand before a block key; no second is in its line, so that this is done once. */
  #isFirstInLine(position: number): boolean {
    const before = this.#text.slice(this.#text.lastIndexOf('\n', position - 1) + 1, position);
    return BEFORE_BLOCK_KEY.test(before);
  }

  #refused(position: number, what: string): Error {
    return new Error(`line ${lineAt(this.#text, position)}: ${what} is not taken`);
  }
}

/** Whether libyaml stops at the source of a text or takes another text from it. */
function isReadOtherwise(style: ScalarEvent['style'], source: string): boolean {
  if (style === SCALAR_STYLE.DOUBLE_QUOTED) return EMPTY_AFTER_ESCAPED.test(source);
  if (style === SCALAR_STYLE.SINGLE_QUOTED) return false;
  return INDENTED_QUOTE.test(source) || (style !== SCALAR_STYLE.PLAIN && TAB_AS_INDENT.test(source));
}

function isQuoted({ style }: ScalarEvent): boolean {
  return style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED;
}

function eventsOf(text: string): readonly Event[] {
  try {
    return parseEvents(text, { maxDepth: MAX_DEPTH });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const where = error.mark === undefined ? '' : `line ${error.mark.line + 1}: `;
    throw new Error(`${where}${error.reason}`, { cause: error });
  }
}

function lineAt(text: string, position: number): number {
  return text.slice(0, position).split('\n').length;
}
