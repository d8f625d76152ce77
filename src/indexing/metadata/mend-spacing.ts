/** More columns than any module is indented. */
const PAD = ' '.repeat(100);

const INDENT = /[ ]*/y;
const PLAIN_END = /:(?=\s|$)|[ \t]#|\n|$/g;
const FLOW_WORD_END = /[,[\]{}\s]|:(?=[\s,[\]{}])|$/g;
const WORD_END = /[\s,[\]{}]|$/g;
const LINE_END = /\n|$/g;
const QUOTE_OR_ESCAPE = /["\\]/g;
// Empty lines need no indentation; libyaml stops at a document's mark in any text.
const FILLED_LINE = /\n(?!(?:---|\.\.\.)(?:\s|$))(?=[ \t]*\S)/g;

/** A text whose spacing every parser takes, and what was changed in it. */
export interface MendedSpacing {
  readonly text: string;
  /** Where indentation was added, ascending: harmless within quoted texts and flow collections. */
  readonly pads: readonly number[];
  /** Where a tab became a space, ascending: harmless between texts. No more than "-", "?" and ":" stands before it in no line. */
  readonly tabs: readonly number[];
}

/**
 * Indents the lines of quoted texts and flow collections, whose indentation libyaml does not look at, and puts spaces in place
 * of the tabs that libyaml takes between texts. It guesses where these are: the caller compares the changes with what a parser
 * found. Source: libyaml, scanner.c, yaml_parser_unroll_indent() and yaml_parser_scan_to_next_token().
 */
export function mendSpacing(text: string): MendedSpacing {
  const { lineStarts, tabs } = new SpacingScanner(text).scan();
  const positions = [0, ...lineStarts];
  const parts = positions.map((start, index) => text.slice(start, positions[index + 1]));
  const mended = parts.join(PAD);
  const pads = lineStarts.map((start, index) => start + index * PAD.length);
  let passed = 0;
  const moved = tabs.map((tab) => {
    while (passed < lineStarts.length && (lineStarts[passed] ?? 0) <= tab) passed += 1;
    return tab + passed * PAD.length;
  });
  return { text: withSpaces(mended, moved), pads, tabs: moved };
}

function withSpaces(text: string, positions: readonly number[]): string {
  const ends = [...positions, text.length];
  return ends.map((end, index) => text.slice(index === 0 ? 0 : (ends[index - 1] ?? 0) + 1, end)).join(' ');
}

class SpacingScanner {
  /** Of the lines to be indented. */
  readonly lineStarts: number[] = [];
  readonly tabs: number[] = [];
  readonly #text: string;
  #at = 0;
  /** Whether more than "-", "?" and ":" stands before this position in its line: libyaml takes tabs from there. */
  #isFilled = false;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): this {
    // A line that is indented more belongs to an open text without quotes.
    let openColumn = Number.POSITIVE_INFINITY;
    while (this.#at < this.#text.length) {
      INDENT.lastIndex = this.#at;
      INDENT.test(this.#text);
      const indent = INDENT.lastIndex - this.#at;
      const isEmpty = /^[\r\n]?$/.test(this.#text[INDENT.lastIndex] ?? '');
      const isOpen = openColumn !== Number.POSITIVE_INFINITY;
      if (isEmpty || (isOpen && indent > openColumn)) this.#skipTo(LINE_END, 1);
      else openColumn = this.#line(indent);
    }
    return this;
  }

  /** @returns the column of the structure whose text is open behind the line; Infinity when none is. */
  #line(indent: number): number {
    const start = this.#at;
    let column = indent - 1;
    let isOpen = false;
    this.#isFilled = false;
    while (this.#at < this.#text.length) {
      const at = this.#at;
      const next = this.#text[at] ?? '';
      if (next === '\n') break;
      if (next === '#') isOpen = false;
      if (next === '#') this.#skipTo(LINE_END, 0);
      else if (this.#isBlank(next)) this.#blank(next);
      else if (this.#isIndicator(next)) {
        if (next !== ':') column = at - start;
        this.#at += 1;
      } else {
        isOpen = this.#token(next);
        if (this.#text[this.#at] === ':') column = at - start;
        this.#isFilled = true;
      }
    }
    this.#at += 1;
    return isOpen ? column : Number.POSITIVE_INFINITY;
  }

  /** @returns whether it is a text that may go on in the next line. */
  #token(first: string): boolean {
    if (first === "'" || first === '"') return this.#multiline(() => this.#quoted(first));
    if (first === '[' || first === '{') return this.#multiline(() => this.#flow());
    const isProperty = first === '&' || first === '!' || first === '*';
    const isBlockScalar = first === '|' || first === '>';
    this.#skipTo(isProperty ? WORD_END : isBlockScalar ? LINE_END : PLAIN_END, 0);
    if (!isBlockScalar) this.#stepBackOverBlanks();
    return isBlockScalar || (!isProperty && this.#text[this.#at] !== ':');
  }

  /** A text ends before the blanks that follow on it. */
  #stepBackOverBlanks(): void {
    while (/[ \t]/.test(this.#text[this.#at - 1] ?? '')) this.#at -= 1;
  }

  #multiline(skip: () => void): false {
    const start = this.#at;
    skip();
    const span = this.#text.slice(start, this.#at);
    for (const { index } of span.matchAll(FILLED_LINE)) this.lineStarts.push(start + index + 1);
    return false;
  }

  #flow(): void {
    let depth = 0;
    do {
      const next = this.#text[this.#at] ?? '';
      if (next === '\n') this.#isFilled = false;
      if (next === '[' || next === '{') depth += 1;
      if (next === ']' || next === '}') depth -= 1;
      this.#flowPiece(next);
    } while (depth > 0 && this.#at < this.#text.length);
  }

  #flowPiece(next: string): void {
    if (this.#isBlank(next)) return this.#blank(next);
    if (next === '#') return this.#skipTo(LINE_END, 0);
    if (next === '\n' || this.#isIndicator(next)) {
      this.#at += 1;
      return;
    }
    this.#isFilled = true;
    if (next === "'" || next === '"') return this.#quoted(next);
    const start = this.#at;
    this.#skipTo(FLOW_WORD_END, 0);
    if (this.#at === start) this.#at += 1;
  }

  #quoted(quote: string): void {
    this.#at += 1;
    while (this.#at < this.#text.length) {
      const end = quote === "'" ? this.#text.indexOf(quote, this.#at) : this.#nextInDouble();
      if (end === -1) break;
      const isEscaped = quote === "'" ? this.#text[end + 1] === quote : this.#text[end] === '\\';
      this.#at = end + (isEscaped ? 2 : 1);
      if (!isEscaped) return;
    }
    this.#at = this.#text.length;
  }

  #nextInDouble(): number {
    QUOTE_OR_ESCAPE.lastIndex = this.#at;
    return QUOTE_OR_ESCAPE.exec(this.#text)?.index ?? -1;
  }

  #blank(blank: string): void {
    if (blank === '\t' && this.#isFilled) this.tabs.push(this.#at);
    this.#at += 1;
  }

  #isBlank(character: string): boolean {
    return character === ' ' || character === '\t' || character === '\r';
  }

  #isIndicator(character: string): boolean {
    return /[-?:]/.test(character) && /^\s?$/.test(this.#text[this.#at + 1] ?? '');
  }

  #skipTo(end: RegExp, more: number): void {
    end.lastIndex = this.#at;
    const found = end.exec(this.#text)?.index ?? this.#text.length;
    this.#at = found + more;
  }
}
