import { describe, expect, test } from 'vitest';
import { ModulesCheck } from '../../src/indexing/metadata/modules-check.ts';
import { readYamlTrees } from '../../src/indexing/metadata/yaml-tree.ts';
import { readByLibyaml } from '../support/libyaml.ts';
import { createRandom } from '../support/random.ts';

/** A module with these lines in its data, between these lines. */
function document(data = '', start = '---\n', end = '...\n'): string {
  const head = 'document: modulemd\nversion: 2\ndata:\n  name: demo\n  stream: "1"\n  version: 1\n';
  return `${start}${head}  summary: s\n  description: d\n  license:\n    module: [MIT]\n${data}${end}`;
}

const ODDITIES: ReadonlyMap<string, string> = new Map([
  ['quote col 0 alone', document("  xmd:\n    a: 'x\n\n'\n")],
  ['quote col 0 after text', document("  xmd:\n    a: 'x\n\ny'\n")],
  ['dquote col 0 text', document('  xmd:\n    a: "x\ny\n"\n')],
  ['quote text less indented', document("  xmd:\n    a: 'x\n  y'\n")],
  ['quote col0 then comment', document("  xmd:\n    a: 'x\n' # c\n")],
  ['flow closing col 0', document('  xmd:\n    a: [x,\ny\n]\n')],
  ['flow map closing col 0', document('  xmd: {a: x,\nb: y\n}\n')],
  ['flow seq end in flow quote', document("  xmd:\n    a: ['x\n', y]\n")],
  ['plain less indented', document('  xmd:\n    a: x\n  y\n')],
  ['plain col 0', document('  xmd:\n    a: x\ny\n')],
  ['dup key', document('  summary: again\n')],
  ['dup xmd key', document('  xmd:\n    a: 1\n    a: 2\n')],
  ['dup profiles', document('  profiles:\n    a:\n      rpms: [x]\n    a:\n      rpms: [y]\n')],
  ['anchor', document('  xmd:\n    a: &x 1\n')],
  ['anchor+alias', document('  xmd:\n    a: &x 1\n    b: *x\n')],
  ['undefined alias', document('  xmd:\n    b: *x\n')],
  ['tag !!str', document('  xmd:\n    a: !!str 1\n')],
  ['local tag', document('  xmd:\n    a: !foo 1\n')],
  ['bad handle', document('  xmd:\n    a: !e!foo 1\n')],
  ['%YAML 1.1', '%YAML 1.1\n' + document()],
  ['%YAML 1.2', '%YAML 1.2\n' + document()],
  ['%YAML 2.0', '%YAML 2.0\n' + document()],
  ['%TAG', '%TAG !e! tag:example.com,2000:\n' + document()],
  ['%FOO', '%FOO bar\n' + document()],
  ['BOM', '\ufeff' + document()],
  ['no start', document('', '')],
  ['no end', document('', '---\n', '')],
  ['two end', document('', '---\n', '...\n...\n')],
  ['two docs no ...', document('', '---\n', '') + document().replace('"1"', '"2"')],
  ['comment after ---', document('', '--- # c\n')],
  ['mapping on --- line', document('', '--- ')],
  ['--- tab', document('', '---\t\n')],
  ['tab after colon', document('  xmd:\n    a:\tx\n')],
  ['tab before comment', document('  xmd:\n    a: x\t# c\n')],
  ['tab trailing', document('  xmd:\n    a: x\t\n')],
  ['tab trailing after key', document('  xmd:\t\n    a: x\n')],
  ['tab indent', document('  xmd:\n\ta: x\n')],
  ['tab blank line', document('  xmd:\n    a: x\n\t\n')],
  ['tab in flow', document('  xmd: {a:\tx,\tb: y}\n')],
  ['tab after dash', document('  xmd:\n    a:\n    -\tx\n')],
  ['tab empty in literal', document('  xmd:\n    a: |\n      x\n\t\n      y\n')],
  ['literal', document('  xmd:\n    a: |\n      x\n       y\n\n    b: |-\n      z\n')],
  ['literal indent ind', document('  xmd:\n    a: |2\n        x\n')],
  ['literal leading more blank', document('  xmd:\n    a: |\n           \n      x\n')],
  ['folded', document('  xmd:\n    a: >+\n      x\n\n\n')],
  ['folded bad header', document('  xmd:\n    a: >x\n      x\n')],
  ['literal 0', document('  xmd:\n    a: |0\n      x\n')],
  ['explicit key', document('  xmd:\n    ? a\n    : x\n')],
  ['explicit key no val', document('  xmd:\n    ? a\n')],
  ['complex key', document('  xmd:\n    ? [a, b]\n    : x\n')],
  ['flow key', document('  xmd:\n    [a, b]: x\n')],
  ['empty key', document('  xmd:\n    : x\n')],
  ['empty quoted key', document('  xmd:\n    "": x\n')],
  ['null value', document('  xmd:\n    a:\n    b: x\n')],
  ['long key', document(`  xmd:\n    ${'k'.repeat(1010)}: x\n`)],
  ['longer key', document(`  xmd:\n    ${'k'.repeat(1100)}: x\n`)],
  ['long quoted key', document(`  xmd:\n    "${'k'.repeat(1030)}": x\n`)],
  ['long explicit key', document(`  xmd:\n    ? ${'k'.repeat(1100)}\n    : x\n`)],
  ['multi-line key', document('  xmd:\n    "a\n      b": x\n')],
  ['flow adjacency', document('  xmd: {"a":x, b: y}\n')],
  ['flow no space', document('  xmd: {a:x}\n')],
  ['flow trailing comma', document('  xmd: {a: x,}\n')],
  ['flow double comma', document('  xmd: {l: [a,,b]}\n')],
  ['flow empty pair', document('  xmd: {a, b: c}\n')],
  ['flow single pair', document('  xmd: {l: [a: b]}\n')],
  ['flow ?', document('  xmd: {? a : b}\n')],
  ['plain with # ', document('  xmd:\n    a: x#y\n')],
  ['plain with colon', document('  xmd:\n    a: http://x:80/y\n')],
  ['plain with : space', document('  xmd:\n    a: b: c\n')],
  ['plain starts %', document('  xmd:\n    a: %x\n')],
  ['plain starts @', document('  xmd:\n    a: @x\n')],
  ['plain starts `', document('  xmd:\n    a: `x\n')],
  ['plain starts -', document('  xmd:\n    a: -x\n')],
  ['plain starts ?', document('  xmd:\n    a: ?x\n')],
  ['plain :x', document('  xmd:\n    a: :x\n')],
  ['flow ?x', document('  xmd: {a: [?x]}\n')],
  ['flow :x', document('  xmd: {a: [:x]}\n')],
  ['flow x?', document('  xmd: {a: [x?]}\n')],
  ['NEL', document('  xmd:\n    a: x\u0085y\n')],
  ['LS', document('  xmd:\n    a: "x\u2028y"\n')],
  ['LS in literal', document('  xmd:\n    a: |\n      x\u2028y\n')],
  ['DEL', document('  xmd:\n    a: "x\u007fy"\n')],
  ['C1', document('  xmd:\n    a: "x\u0090y"\n')],
  ['bell', document('  xmd:\n    a: "x\u0007y"\n')],
  ['emoji', document('  xmd:\n    a: "x\u{1f389}y"\n')],
  ['FFFE', document('  xmd:\n    a: "x\ufffey"\n')],
  ['BOM in text', document('  xmd:\n    a: "x\ufeffy"\n')],
  ['CRLF', document('  xmd:\n    a: x\n').replaceAll('\n', '\r\n')],
  ['CR', document('  xmd:\n    a: x\n').replaceAll('\n', '\r')],
  ['escape bad', document('  xmd:\n    a: "\\q"\n')],
  ['escape /', document('  xmd:\n    a: "\\/"\n')],
  ['escape u', document('  xmd:\n    a: "\\u00e9\\U0001f389\\x41"\n')],
  ['escape surrogate', document('  xmd:\n    a: "\\ud83d\\ude00"\n')],
  ['escape NUL', document('  xmd:\n    a: "\\0"\n')],
  ['escaped newline', document('  xmd:\n    a: "x\\\n      y"\n')],
  ['escaped newline empty', document('  xmd:\n    a: "x\\\n\n      y"\n')],
  ['seq same indent', document('  xmd:\n    a:\n    - x\n    - y\n')],
  ['nested seq', document('  xmd:\n    a:\n    - - x\n      - y\n    - b: c\n      d: e\n')],
  ['seq bad indent', document('  xmd:\n    a:\n      - x\n     - y\n')],
  ['map bad indent', document('  xmd:\n      a: x\n    b: y\n')],
  ['comment col0 in map', document('  xmd:\n# c\n    a: x\n')],
  ['comment no space', document('  xmd:\n    a: "x"#c\n')],
  ['deep', document('  xmd: ' + '{a: '.repeat(40) + 'x' + '}'.repeat(40) + '\n')],
  ['--- in quoted', document("  xmd:\n    a: 'x\n--- y'\n")],
  ['... in literal', document('  xmd:\n    a: |\n      x\n...\n')],
  ['document end text', document('', '---\n', '... x\n')],
  ['doc end comment', document('', '---\n', '... # c\n')],
  ['trailing garbage', document('', '---\n', '...\nfoo\n')],
  ['merge key', document('  xmd:\n    <<: {a: 1}\n')],
  ['= key', document('  xmd:\n    =: 1\n')],
  ['single quote esc', document("  xmd:\n    a: 'it''s'\n")],
  ['plain multi line', document('  xmd:\n    a: x\n      y\n\n      z\n')],
  ['key then comment', document('  xmd: # c\n    a: x # d\n')],
  ['value on next line', document('  xmd:\n    a:\n      x\n')],
  ['quoted value col 0', document('  xmd:\n    a:\n"x"\n')],
  ['space before colon', document('  xmd:\n    a : x\n')],
  ['invalid key: seq in line', document('  xmd:\n    - a\n    b: c\n')],
]);

/** What libyaml takes and the service refuses, with the reason. No known modules have any of it. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['complex key', 'a key that is no text: libmodulemd stops'],
  ['flow key', 'a key that is no text: libmodulemd stops'],
  ['flow ?x', 'a key without a value, as libyaml sees it'],
  ['LS', 'a line break of YAML 1.1 only'],
  ['BOM in text', 'a byte order mark that is none'],
  ['CR', 'a line break that js-yaml and others number in another way'],
  ['escape NUL', 'a text that ends there for readers in C'],
  ['escaped newline empty', 'an empty line that js-yaml drops'],
  ['comment no space', 'a comment that begins directly behind a quote'],
]);

const BITS = [
  'a',
  "'q'",
  '"d"',
  "'q\n",
  "'q\nr'",
  '"d\n  e"',
  '"',
  "'",
  '[',
  ']',
  '{',
  '}',
  ', ',
  ',',
  ': ',
  ':\t',
  '- ',
  '-\t',
  '? ',
  '&a ',
  '!t ',
  '! ',
  '# c',
  '\t#c',
  '\n',
  '\n',
  '\n  ',
  '\n    ',
  '\n\t',
  '\t',
  ' ',
  '|\n  x',
  '>-\n   y\n',
  'a: ',
  'b: ',
  '\nk: ',
  '\n  k: ',
  '\n  - ',
  '\n- ',
  '\n]',
  "\n'",
  '\n...\n',
  '\\\\ud83d\\\\ude00',
  '%',
  "it's",
  '\r\n',
];
const STARTS = [
  'a: ',
  'a:\n  b: ',
  '- ',
  'a:\n- ',
  'a: {b: ',
  'a: [',
  "a: '",
  'a: "',
  "a: 'x\n",
  'a: |\n  x\n',
];

function randomTexts(count: number): readonly string[] {
  const random = createRandom(7);
  return Array.from({ length: count }, () => {
    const bits = Array.from({ length: 1 + random.below(9) }, () => random.pick(BITS));
    return `${random.pick(STARTS)}${bits.join('')}\n`;
  });
}

/** The trees; null when the text is refused. */
function readTrees(text: string): unknown {
  try {
    return readYamlTrees(text);
  } catch {
    return null;
  }
}

function isTaken(text: string): boolean {
  const check = new ModulesCheck();
  try {
    check.write(text);
    check.close();
    return true;
  } catch {
    return false;
  }
}

describe('YAML of modules', () => {
  const texts = [...ODDITIES.values()];
  const judged = readByLibyaml(texts).map((trees) => trees !== null);
  const rows = [...ODDITIES].map(([name, text], index) => [name, text, judged[index] === true] as const);

  test.each(rows)('is taken where libyaml takes it: %s', (name, text, isTakenByLibyaml) => {
    expect(isTaken(text)).toBe(isTakenByLibyaml && !REFUSED.has(name));
  });

  test.each([...REFUSED])('is refused although libyaml takes it: %s, because of %s', (name) => {
    const row = rows.find(([other]) => other === name);
    expect(row?.[2]).toBe(true);
  });

  test('that is taken is read as libyaml reads it', { timeout: 60_000 }, () => {
    const random = randomTexts(20_000);
    const ours = random.map(readTrees);
    const theirs = readByLibyaml(random);
    const differing = random.filter(
      (_, index) => ours[index] !== null && JSON.stringify(ours[index]) !== JSON.stringify(theirs[index]),
    );
    expect(differing).toEqual([]);
    expect(ours.filter((trees) => trees !== null).length).toBeGreaterThan(1000);
  });
});
