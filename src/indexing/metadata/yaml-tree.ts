import {
  COLLECTION_STYLE,
  type Event,
  EVENT_ID,
  getScalarValue,
  parseEvents,
  SCALAR_STYLE,
  type MappingEvent,
  type ScalarEvent,
  type SequenceEvent,
  YAMLException,
} from 'js-yaml';
import { type MendedSpacing, mendSpacing } from './mend-spacing.ts';

/** A YAML node as libyaml's events tell it: every scalar is its text, whatever it looks like. */
export type YamlNode = string | readonly YamlNode[] | YamlMapping;

/** As libyaml tells it: a key may come more than once. */
export interface YamlMapping {
  readonly pairs: readonly (readonly [string, YamlNode])[];
}

// Extensible data of a module has six levels; libmodulemd recurses into it on the host, and takes these.
const MAX_DEPTH = 100;

// Source: libyaml, src/reader.c, "Check the range of the value". In YAML 1.1, which libyaml reads, these are line breaks
// besides: U+0085, U+2028, U+2029. A byte order mark is one at the beginning only, where it is no longer in the text. A
// carriage return without a line feed ends a line for some.
const UNREADABLE =
  /\r(?!\n)|[^\t\n\r -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u;

// What begins a line within a flow collection or a comment only, where js-yaml takes it.
const FLOW_END_OR_COMMENT = /[ \t]*[\]},#]/y;

// libyaml begins an empty document where more than comments follow.
const DOCUMENT_END = /^\.\.\.(?=\s|$)/m;
const DOCUMENT_ENDS = /^\.\.\.(?=\s|$)/gm;

// libyaml ends a key at a line break, and where its ":" comes more than 1,024 characters behind its beginning; it reports no
// key then, but a fault. Source: scanner.c, yaml_parser_stale_simple_keys().
const MAX_KEY_LENGTH = 1024;
// A text without quotes goes on when no blank follows the ":"; libyaml sees that in another way than others.
const COLON = / *:(?=[ \r\n])/y;
const COLON_AFTER_QUOTE = / *:/y;
// js-yaml takes a key behind the end of a sequence, in the same line.
const BEFORE_BLOCK_KEY = /^(?:- |[ ])*$/;
const BEFORE_EXPLICIT_KEY = /^(?:- |[ ])*\? +$/;
const AFTER_EXPLICIT_KEY = / *\r?\n/y;
// In a flow mapping a key may stand alone.
const AFTER_LONE_KEY = / *[,}]/y;
// libyaml takes no half of a surrogate pair, also when another escape has the other half.
const SURROGATE_ESCAPE = /(?<!\\)(?:\\\\)*\\(?:u|U0000)d[89a-f]/i;
// Source: libyaml, scanner.c, yaml_parser_scan_anchor() and yaml_parser_scan_tag(); a handle would have to be declared.
const ANCHOR = /^[\w-]+$/;
const TAG = /^!(?:!?[\w.-]+)?$/;
// libyaml finds no indentation of a block scalar there.
const TAB_AS_INDENT = /^(?: *\r?\n)* *\t/;
// libyaml takes none there when it stands in an earlier column than the text.
const TAB_BEFORE_LINE = /\n *\t/;
// js-yaml drops an empty line that follows on an escaped line break.
const EMPTY_AFTER_ESCAPED = /\\\r?\n[ \t]*\r?\n/;

// libyaml takes tabs in scalars and comments, and between others in some places only.
const COMMENT = /#[^\n]*/g;

type NodeEvent = Exclude<Event, { readonly type: typeof EVENT_ID.DOCUMENT | typeof EVENT_ID.POP }>;

/**
 * The documents in a text without a line `---`, each as a tree. It refuses what libyaml refuses, and what js-yaml reads
 * in another way: aliases (libmodulemd loses the anchors and stops at them), keys that are no scalars, control
 * characters.
 * @throws Error saying what is wrong and in which line of the text, from 1.
 */
export function readYamlTrees(text: string): readonly YamlNode[] {
  const at = UNREADABLE.exec(text)?.index;
  if (at !== undefined) throw new Error(`line ${lineAt(text, at)}: a character that libyaml does not read`);
  try {
    return new TreeReader({ text, pads: [], tabs: [] }).read();
  } catch (error) {
    const mended = mendSpacing(text);
    if (mended.text === text) throw error;
    return new TreeReader(mended).read();
  }
}

class TreeReader {
  readonly #text: string;
  readonly #pads: readonly number[];
  readonly #tabs: readonly number[];
  readonly #events: readonly Event[];
  #next = 0;
  /** Where the last scalar ended, or the last flow collection began. */
  #checked = 0;
  #pad = 0;
  #tab = 0;
  #flowDepth = 0;

  constructor({ text, pads, tabs }: MendedSpacing) {
    this.#text = text;
    this.#pads = pads;
    this.#tabs = tabs;
    this.#events = readEvents(text);
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

  /** The text behind a line "...": there must be none, and a document has to stand before. */
  #checkEnd(count: number): void {
    const end = DOCUMENT_END.exec(this.#text)?.index;
    if (end === undefined) return;
    const rest = this.#text
      .slice(end + 3)
      .replace(COMMENT, '')
      .replace(DOCUMENT_ENDS, '');
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
    this.#checkProperties(event);
    if (event.type === EVENT_ID.SCALAR) return this.#scalar(event);
    if (event.style === COLLECTION_STYLE.BLOCK) return this.#collection(event);
    this.#checkGap(event.start);
    this.#checked = event.start;
    this.#flowDepth += 1;
    const node = this.#collection(event);
    this.#flowDepth -= 1;
    return node;
  }

  #collection(event: SequenceEvent | MappingEvent): YamlNode {
    return event.type === EVENT_ID.SEQUENCE ? this.#sequence() : this.#mapping(event);
  }

  #checkProperties(event: ScalarEvent | SequenceEvent | MappingEvent): void {
    const { anchorStart, anchorEnd, tagStart, tagEnd } = event;
    if (anchorStart !== -1 && !ANCHOR.test(this.#text.slice(anchorStart, anchorEnd))) {
      throw this.#refused(anchorStart, 'an anchor (&) of other characters than letters, digits, _ and -');
    }
    if (tagStart !== -1 && !TAG.test(this.#text.slice(tagStart, tagEnd + 1).trimEnd())) {
      throw this.#refused(
        tagStart,
        'a tag (!) with a handle or other characters than letters, digits, ".", _ and -',
      );
    }
  }

  #scalar(event: ScalarEvent): string {
    if (event.valueStart === -1) return '';
    this.#checkGap(event.valueStart);
    this.#checkChanges(event);
    const isBlock = event.style === SCALAR_STYLE.LITERAL_BLOCK || event.style === SCALAR_STYLE.FOLDED_BLOCK;
    // What follows on a block scalar begins a line.
    this.#checked = isBlock ? Math.max(event.valueStart, event.valueEnd - 1) : event.valueEnd;
    const value = getScalarValue(this.#text, event);
    // libyaml takes "?n" for a key in a flow collection, ":n" for a value, "n:?" for none; it reads no half of a surrogate pair, and readers
    // end at a NUL.
    const isKey = this.#flowDepth > 0 && event.style === SCALAR_STYLE.PLAIN && /^[?:]|:\?/.test(value);
    const isOther = isKey || isReadOtherwise(event.style, this.#text.slice(event.valueStart, event.valueEnd));
    if (isOther || !value.isWellFormed() || value.includes('\0')) {
      throw this.#refused(event.valueStart, 'a text that libyaml reads in another way');
    }
    return value;
  }

  /** Whether what was changed between the last scalar and this position may be there. */
  #checkGap(position: number): void {
    for (; (this.#pads[this.#pad] ?? position) < position; this.#pad += 1) {
      FLOW_END_OR_COMMENT.lastIndex = this.#pads[this.#pad] ?? 0;
      if (this.#flowDepth > 0 || FLOW_END_OR_COMMENT.test(this.#text)) continue;
      throw this.#refused(position, 'a quote or a text that is indented less than what is before');
    }
    while ((this.#tabs[this.#tab] ?? position) < position) this.#tab += 1;
    const gap = this.#text.slice(this.#checked, position).replace(COMMENT, '');
    if (gap.includes('\t')) throw this.#refused(position, 'a tab that begins a line or follows on "-"');
  }

  /** Whether what was changed in a text leaves it as it is. */
  #checkChanges({ style, valueStart, valueEnd }: ScalarEvent): void {
    const isFree = style === SCALAR_STYLE.PLAIN ? this.#flowDepth > 0 : isQuoted({ style });
    const isPadded = (this.#pads[this.#pad] ?? valueEnd) < valueEnd;
    const isTabbed = (this.#tabs[this.#tab] ?? valueEnd) < valueEnd;
    if (isTabbed || (isPadded && !isFree)) throw this.#refused(valueStart, 'a text in another indentation');
    while ((this.#pads[this.#pad] ?? valueEnd) < valueEnd) this.#pad += 1;
  }

  #sequence(): readonly YamlNode[] {
    const items: YamlNode[] = [];
    for (const item of this.#untilPop()) items.push(this.#nodeOf(item));
    return items;
  }

  #mapping({ start, style }: MappingEvent): YamlMapping {
    const pairs: [string, YamlNode][] = [];
    const nodes = this.#untilPop();
    for (let key = nodes.next(); key.done !== true; key = nodes.next()) {
      const name = this.#keyOf(key.value, start);
      const value = nodes.next();
      if (value.done === true) throw this.#refused(start, 'a key without a value');
      if (!this.#isReadableKey(key.value, value.value, style))
        throw this.#refused(start, 'a key that has not its ":" in the same line, within 1,024 characters,');
      pairs.push([name, this.#nodeOf(value.value)]);
    }
    return { pairs };
  }

  #keyOf(key: NodeEvent, start: number): string {
    // libyaml reads no key that is left out.
    if (key.type !== EVENT_ID.SCALAR || key.valueStart === -1)
      throw this.#refused(start, 'a key that is no text');
    if (key.anchorStart !== -1 || key.tagStart !== -1)
      throw this.#refused(start, 'a key with an anchor or a tag');
    return this.#scalar(key);
  }

  /** Whether a key is as libyaml wants it: near to its ":", or behind a "?", or alone in a flow mapping. */
  #isReadableKey(key: NodeEvent, value: NodeEvent, style: MappingEvent['style']): boolean {
    if (key.type !== EVENT_ID.SCALAR) return false;
    const end = key.valueEnd + (isQuoted(key) ? 1 : 0);
    if (style === COLLECTION_STYLE.FLOW && isLeftOut(value) && this.#isAt(AFTER_LONE_KEY, end)) return true;
    if (this.#text.slice(key.valueStart, key.valueEnd).includes('\n')) return false;
    const start = key.valueStart - (isQuoted(key) ? 1 : 0);
    if (style === COLLECTION_STYLE.BLOCK && this.#isAt(AFTER_EXPLICIT_KEY, end)) {
      return this.#isBehind(BEFORE_EXPLICIT_KEY, start);
    }
    const colon = isQuoted(key) ? COLON_AFTER_QUOTE : COLON;
    if (!this.#isAt(colon, end) || colon.lastIndex - 1 - start > MAX_KEY_LENGTH) return false;
    return style === COLLECTION_STYLE.FLOW || this.#isBehind(BEFORE_BLOCK_KEY, start);
  }

  #isAt(pattern: RegExp, position: number): boolean {
    pattern.lastIndex = position;
    return pattern.test(this.#text);
  }

  /** What stands before a block key in its line; no second is in its line, so that this is done once. */
  #isBehind(pattern: RegExp, position: number): boolean {
    return pattern.test(this.#text.slice(this.#text.lastIndexOf('\n', position - 1) + 1, position));
  }

  #refused(position: number, what: string): Error {
    return new Error(`line ${lineAt(this.#text, position)}: ${what} is not taken`);
  }
}

/** Whether libyaml stops at the source of a text or takes another text from it. */
function isReadOtherwise(style: ScalarEvent['style'], source: string): boolean {
  if (style === SCALAR_STYLE.DOUBLE_QUOTED) {
    return EMPTY_AFTER_ESCAPED.test(source) || SURROGATE_ESCAPE.test(source);
  }
  if (style === SCALAR_STYLE.PLAIN) return TAB_BEFORE_LINE.test(source);
  return style !== SCALAR_STYLE.SINGLE_QUOTED && TAB_AS_INDENT.test(source);
}

function isLeftOut(event: NodeEvent): boolean {
  return event.type === EVENT_ID.SCALAR && event.valueStart === -1;
}

function isQuoted({ style }: Pick<ScalarEvent, 'style'>): boolean {
  return style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED;
}

function readEvents(text: string): readonly Event[] {
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
