import { execa } from 'execa';
import { SaxesParser } from 'saxes';
import { describe, expect, it } from 'vitest';
import { escapeAttribute, escapeText, textElement } from '../../../src/rpm/repodata/xml-text.ts';

const XML_TEXT = new URL('../../../src/rpm/repodata/xml-text.ts', import.meta.url).href;

/** What a strict parser makes of it. */
function readBack(text: string): { readonly text: string; readonly attribute: string | undefined } {
  let found = '';
  let attribute: string | undefined;
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('text', (piece) => {
    found += piece;
  });
  parser.on('opentag', ({ attributes }) => {
    attribute = attributes['x'];
  });
  parser.write(`<a x="${escapeAttribute(text)}">${escapeText(text)}</a>`).close();
  return { text: found, attribute };
}

describe('text in metadata', () => {
  it.each([
    ['plain', 'Plain text, 1 < 2 & "quotes" \'too\' >'],
    ['tabs and newlines', 'a\tb\nc\rd\r\ne'],
    ['the end of a CDATA section', ']]>'],
    ['markup', '</package><package>&amp;&#0;<!-- -->'],
    ['letters of all planes', 'ünïcödé 漢字 🎉 \u{10ffff} \ufdd0 \ufffd'],
    ['C1 controls, DEL and line separators', '\u007f\u0080\u0085\u009f\u2028\u00a0\ufeff'],
    ['nothing', ''],
  ])('survives: %s', (_, text) => {
    expect(readBack(text)).toEqual({ text, attribute: text });
  });

  it.each([
    ['NUL', '\0'],
    ['escape', '\u001b'],
    ['vertical tab', '\u000b'],
    ['U+FFFE', '\ufffe'],
    ['U+FFFF', '\uffff'],
    ['a high surrogate alone', '\ud83c'],
    ['a low surrogate alone', '\udf89'],
  ])('has U+FFFD in the place of what XML cannot hold: %s', (_, character) => {
    expect(readBack(`a${character}b`)).toEqual({ text: 'a\ufffdb', attribute: 'a\ufffdb' });
  });

  it('has U+FFFD in the place of each half of a pair in the wrong order', () => {
    expect(readBack('\udf89\ud83c')).toEqual({ text: '\ufffd\ufffd', attribute: '\ufffd\ufffd' });
  });

  it('is well-formed for every single character of the basic plane', () => {
    const all = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code)).join('.');
    const { text, attribute } = readBack(all);
    expect(text).toBe(attribute);
    expect(text).toHaveLength(all.length);
  });

  it('is written between tags also when there is none', () => {
    expect(textElement('  ', 'url', undefined)).toBe('  <url></url>\n');
    expect(textElement('  ', 'url', 'a&b')).toBe('  <url>a&amp;b</url>\n');
  });

  it('takes little memory for millions of escapes', async () => {
    const script = `
      const { escapeText } = await import(${JSON.stringify(XML_TEXT)});
      console.log(escapeText('&'.repeat(9_000_000)).length);`;
    const { stdout } = await execa(process.execPath, [
      '--max-old-space-size=150',
      '--input-type=module',
      '--eval',
      script,
    ]);
    expect(stdout).toBe('45000000');
  });

  it('keeps pairs of surrogates where a long text is cut', () => {
    const long = `${'a'.repeat(64 * 1024 - 1)}\u{1f389}&${'\u{1f389}'.repeat(64 * 1024)}&`;
    expect(escapeText(long)).toBe(long.replaceAll('&', '&amp;'));
    expect(readBack(long)).toEqual({ text: long, attribute: long });
  });
});
