// What cannot stand as it is between tags. Surrogates are in it because only a look at their neighbours tells whether
// they are pairs.
const SPECIAL_IN_TEXT =
  // oxlint-disable-next-line no-control-regex -- finding them is the purpose
  /[&<>\r\u0000-\u0008\u000b\u000c\u000e-\u001f\ud800-\udfff\ufffe\uffff]/;

// oxlint-disable-next-line no-control-regex -- finding them is the purpose
const SPECIAL_IN_ATTRIBUTE = /[&<>"\u0000-\u001f\u0080-\uffff]/;

// oxlint-disable-next-line no-control-regex -- finding them is the purpose
const ESCAPED_IN_TEXT = /[&<>\r\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

// oxlint-disable-next-line no-control-regex -- finding them is the purpose
const ESCAPED_IN_ATTRIBUTE = /[&<>"\u0000-\u001f]|[^\u0000-\u007f]/gu;

const PIECE_CHARACTERS = 64 * 1024;

const REPLACEMENT_CHARACTER = '\ufffd';

/**
 * Text for between two tags. What XML 1.0 does not count as Char (production 2) becomes U+FFFD; a reader would refuse the
 * whole file for it.
 * Source of what is escaped, and how: libxml2, xmlIO.c, xmlEscapeContent.
 */
export function escapeText(text: string): string {
  if (!SPECIAL_IN_TEXT.test(text)) return text;
  return replaceInPieces(
    text.toWellFormed(),
    ESCAPED_IN_TEXT,
    (character) => TEXT_ESCAPES.get(character) ?? REPLACEMENT_CHARACTER,
  );
}

/**
 * Text for within double quotes. Tab, newline and carriage return are escaped because a reader would turn them into spaces
 * (XML 1.0, section 3.3.3).
 * Source of what is escaped, and how: libxml2, xmlsave.c, xmlBufAttrSerializeTxtContent for a node without a document: all
 * that is not ASCII becomes a reference.
 */
export function escapeAttribute(text: string): string {
  if (!SPECIAL_IN_ATTRIBUTE.test(text)) return text;
  return replaceInPieces(text.toWellFormed(), ESCAPED_IN_ATTRIBUTE, escapeAttributeCharacter);
}

/** V8 keeps every match until the last one is replaced, some 50 bytes each: of a whole text of megabytes hundreds of them. */
function replaceInPieces(
  text: string,
  pattern: RegExp,
  replacementOf: (character: string) => string,
): string {
  if (text.length <= PIECE_CHARACTERS) return text.replace(pattern, replacementOf);
  const pieces: string[] = [];
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + PIECE_CHARACTERS, text.length);
    // Half of a character outside of the basic plane is none.
    if (isLowSurrogate(text.charCodeAt(end))) end += 1;
    pieces.push(text.slice(start, end).replace(pattern, replacementOf));
    start = end;
  }
  return pieces.join('');
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** A child with text, also when there is none: `<url></url>`. Source: createrepo_c, src/xml_dump.c, cr_xmlNewTextChild. */
export function textElement(indent: string, name: string, text: string | undefined): string {
  return `${indent}<${name}>${text === undefined ? '' : escapeText(text)}</${name}>\n`;
}

const TEXT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['\r', '&#13;'],
]);

const ATTRIBUTE_ESCAPES: ReadonlyMap<string, string> = new Map([
  ...TEXT_ESCAPES,
  ['"', '&quot;'],
  ['\t', '&#9;'],
  ['\n', '&#10;'],
]);

function escapeAttributeCharacter(character: string): string {
  const escape = ATTRIBUTE_ESCAPES.get(character);
  if (escape !== undefined) return escape;
  const codePoint = character.codePointAt(0) ?? 0;
  const isChar = codePoint >= 0x20 && codePoint !== 0xfffe && codePoint !== 0xffff;
  return `&#x${(isChar ? codePoint : 0xfffd).toString(16).toUpperCase()};`;
}
