/** Documents by what is special about them. What dnf and zypper make of them is asked in test/oracle/metadata-readers.test.ts. */
type Documents = ReadonlyMap<string, string>;

const STREAM = `---
document: modulemd
version: 2
data:
  name: m
  stream: "1"
  version: 20200101
  context: abcd1234
  arch: x86_64
  summary: s
  description: >-
    some words, folded
    into one line
  license:
    module: [MIT]
    content:
    - GPL
  xmd:
    mbs: {a: b, c: [x, y]}
  dependencies:
  - buildrequires:
      platform: [el9]
    requires:
      platform: [el9]
  references:
    community: http://example.com/
  profiles:
    common:
      rpms:
      - delta
  api:
    rpms: [delta]
  filter: {rpms: [beta]}
  buildopts:
    rpms:
      macros: |
        %x\t1
  components:
    rpms:
      delta:
        rationale: needed
        buildorder: -1
        arches: [x86_64]
  artifacts:
    rpms:
    - delta-0:1.0-1.noarch
    rpm-map:
      sha256:
        abcd: {name: delta, epoch: 0, version: "1.0", release: "1", arch: noarch, nevra: "delta-0:1.0-1.noarch"}
...
`;

const STREAM_V1 = `---
document: modulemd
version: 1
data:
  name: old
  stream: s1
  version: 1
  summary: s
  description: d
  license: {module: [MIT]}
  dependencies:
    requires: {m: "1"}
  profiles:
    default: {rpms: [delta]}
`;

const DEFAULTS = `---
document: modulemd-defaults
version: 1
data:
  module: m
  modified: 202001010000
  stream: "1"
  profiles:
    "1": [common]
...
`;

const OBSOLETES = `---
document: modulemd-obsoletes
version: 1
data:
  modified: 2020-01-01T00:00Z
  module: m
  stream: "1"
  context: abcd1234
  eol_date: 2030-01-01T00:00Z
  message: gone
  obsoleted_by: {module: n, stream: "2"}
`;

const TRANSLATIONS = `---
document: modulemd-translations
version: 1
data:
  module: m
  stream: "1"
  modified: 20180101
  translations:
    ja: {summary: x, description: y, profiles: {common: z}}
`;

/** As libyaml writes a text that ends with an empty line: the modules of Fedora 29 have it. */
const QUOTE_IN_FIRST_COLUMN = STREAM.replace(
  'rationale: needed',
  "rationale: 'needed\n\n\n          here.\n\n'",
);

/** A stream with another profile. */
function withProfile(profile: string): string {
  return STREAM.replace('  api:', `    ${profile}\n  api:`);
}

/** What distributions publish. */
export const GOOD_MODULES: Documents = new Map([
  ['a stream', STREAM],
  ['a stream of version 1', STREAM_V1],
  ['all kinds', `# of one repository\n${STREAM}${DEFAULTS}${OBSOLETES}${TRANSLATIONS}${STREAM_V1}`],
  ['without a line before the first', STREAM.replace('---\n', '')],
  ['a closing quote in the first column', QUOTE_IN_FIRST_COLUMN],
  [
    'texts that go on in the first column',
    STREAM.replace('summary: s', 'summary: "s\nand\n%more\n" # all').replace('needed', "'needed\n\nhere'"),
  ],
  [
    'collections that end in the first column',
    STREAM.replace('[MIT]', '[MIT,\nGPL\n]').replace('xmd:', 'xmd: {a: b,\n"c": [d\n]\n}\n  unknown:'),
  ],
  ['keys twice', STREAM.replace('  arch:', '  name: n\n  arch:').replace('api:', 'api: {rpms: [a]}\n  api:')],
  [
    'directives',
    `\ufeff%YAML 1.1\n%TAG !e! tag:example.com,2000:\n${STREAM}...\n%YAML 1.2\n# c\n${DEFAULTS}`,
  ],
  [
    'tabs between texts',
    STREAM.replace('---', '---\t').replace('name: m', 'name:\tm\t# c').replace('[el9]', '[el9,\tel8\t]'),
  ],
  [
    'tags, an anchor and keys behind question marks',
    STREAM.replace('name: m', 'name: !!str m')
      .replace('xmd:', 'xmd: &x')
      .replace('a: b', '? a : b, d')
      .replace('  arch:', '  ? unknown\n  : !x y\n  "": c\n  arch:'),
  ],
  ['a key of 1,024 characters', withProfile(`${'k'.repeat(1024)}: {rpms: [a]}`)],
  ['extensible data of 90 levels', STREAM.replace('a: b', `a: ${'{a: '.repeat(90)}b${'}'.repeat(90)}`)],
  ['keys that are unknown', STREAM.replace('  arch:', '  unknown: {a: [b]}\n  arch:')],
  ['a long key', withProfile('"' + 'k'.repeat(900) + '"  : {rpms: [a]}')],
  [
    'keys in one line, in flow and block style',
    withProfile('p: {"rpms":[a], description : d, default: "true"}'),
  ],
  ['lines that end with carriage returns', STREAM.replaceAll('\n', '\r\n')],
  ['comments with tabs', STREAM.replace('  arch:', '  #\ta\tb\n  arch:')],
]);

/** dnf ends with a core dump at some of them, and tells of a fault at the others. */
export const BAD_MODULES: Documents = new Map([
  ['no YAML', 'Name: [hello'],
  ['no mapping', '---\n- a\n'],
  ['no document', '# nothing\n'],
  ['an empty document', `${STREAM}---\n${DEFAULTS}`],
  ['a second document without a line before', `${STREAM}document: x\n`],
  ['an unknown kind', 'document: x\n'],
  ['a kind that is a list', 'document: [a]\nversion: 1\ndata: {}\n'],
  ['a packager document', STREAM.replace('modulemd', 'modulemd-packager')],
  ['no kind', 'version: 2\ndata: {}\n'],
  ['no version', 'document: modulemd-obsoletes\n'],
  ['no data', 'document: modulemd\nversion: 2\n'],
  ['a version out of range', DEFAULTS.replace('version: 1', 'version: 99999999999999999999')],
  ['a version that is unknown', STREAM.replace('version: 2', 'version: 7')],
  ['a version that is negative', STREAM.replace('version: 2', 'version: -1')],
  ['data of another kind', 'document: modulemd\nversion: 2\ndata: 5\n'],
  ['a name that is a list', STREAM.replace('name: m', 'name: [a, b]')],
  ['a stream that is a mapping', STREAM.replace('stream: "1"', 'stream: {x: 1}')],
  ['a negative version of a stream', STREAM.replace('20200101', '-5')],
  ['no name', STREAM.replace('  name: m\n', '')],
  ['no license', STREAM.replace(/ {2}license:[^]*?(?= {2}xmd)/, '')],
  ['extensible data that is a list', STREAM.replace(/xmd:[^]*?(?= {2}dependencies)/, 'xmd: [a]\n')],
  ['dependencies that are a mapping', STREAM.replace('  - buildrequires', '    buildrequires')],
  ['an api that is a text', STREAM.replace('api:\n    rpms: [delta]', 'api: 5')],
  ['an artifact without an epoch', STREAM.replace('    - delta-0:1.0', '    - delta-1.0')],
  ['a build order that is no number', STREAM.replace('buildorder: -1', 'buildorder: first')],
  ['a date that is none', OBSOLETES.replace('2020-01-01T00:00Z', 'yesterday')],
  ['obsoletes without a message', OBSOLETES.replace('  message: gone\n', '')],
  ['an alias to itself', '---\ndocument: &a [*a]\n'],
  ['an alias', STREAM.replace('name: m', 'name: &a m').replace('summary: s', 'summary: *a')],
  ['a tag', STREAM.replace('name: m', 'name: !x!y m')],
  ['a directive of YAML 1.3', `%YAML 1.3\n${STREAM}`],
  ['a directive of YAML twice', `%YAML 1.1\n%YAML 1.1\n${STREAM}`],
  ['a merge key', STREAM.replace('  arch:', '  <<: *a\n  arch:')],
  ['a key of a document twice', STREAM.replace('data:', 'version: 2\ndata:')],
  ['a key of defaults twice', DEFAULTS.replace('  stream:', '  stream: "2"\n  stream:')],
  ['a stream of obsoletes twice', OBSOLETES.replace('  stream:', '  stream: "2"\n  stream:')],
  ['a wrong value of a key that comes twice', STREAM.replace('  arch:', '  arch: [a]\n  arch:')],
  ['a key that is a list', STREAM.replace('  arch:', '  ? [a]\n  : b\n  arch:')],
  ['a key that is left out', STREAM.replace('  arch:', '  : b\n  arch:')],
  ['a tab before a text', STREAM.replace('- GPL', '- \tGPL')],
  ['a surrogate pair in two escapes', STREAM.replace('summary: s', 'summary: "\\ud83d\\ude00"')],
  ['half of a surrogate pair', STREAM.replace('summary: s', 'summary: "\\ud800"')],
  ['a question mark in a flow mapping', OBSOLETES.replace('module: n', 'module: ?n')],
  ['a control character', STREAM.replace('summary: s', 'summary: a\u0001b')],
  ['a line separator of YAML 1.1', STREAM.replace('summary: s', 'summary: a\u2028b')],
  ['a quote in the first column', STREAM.replace('summary: s', "summary: s\n'")],
  ['an indented beginning of a document', ` ${DEFAULTS}`],
  [
    'a mapping in the line that begins it',
    `---  ${DEFAULTS.slice(4, -4).replaceAll('\n', '\n     ').trimEnd()}\n`,
  ],
  ['an end before its beginning', `---\n...\n${DEFAULTS.slice(4)}`],
  ['a key of 1,025 characters', withProfile(`${'k'.repeat(1025)}: {rpms: [a]}`)],
  ['a key of more than 1,024 characters', withProfile(`${'k'.repeat(1030)}: {rpms: [a]}`)],
  ['a quoted key of more than 1,024 characters', withProfile(`"${'k'.repeat(1030)}": {rpms: [a]}`)],
  ['a key in flow style of more than 1,024 characters', withProfile(`p: {${'k'.repeat(1030)}: [a]}`)],
  ['a key far before its colon', withProfile(`p: {"k"${' '.repeat(1100)}: [a]}`)],
  ['a key of two lines', withProfile('p: {a\n       b: [a]}')],
  ['a quoted key of two lines', withProfile('p: {"a\n       b": [a]}')],
  ['a key in the line before its colon', withProfile('p: {"a"\n       : [a]}')],
  ['a key behind a sequence', withProfile('p:\n      rpms:\n      - [a, b]c:\n      - d')],
  ['a colon before a text in flow style', withProfile('p: {rpms: [:a]}')],
  ['a colon that ends a text in flow style', withProfile('p: {a:}')],
  ['a colon and a question mark in flow style', withProfile('p: {rpms: [a:?b]}')],
  ['a tab where a text begins', STREAM.replace('        %x', '      \t%x')],
]);

const GROUP = `<group><id>tools</id><name>Tools</name><description/><default>true</default><uservisible>true</uservisible>
<packagelist><packagereq type="mandatory">alpha</packagereq></packagelist></group>`;

const comps = (inner: string): string => `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">
<comps>${GROUP}${inner}</comps>
`;

export const GOOD_COMPS = comps(
  '<environment><id>e</id><name>E</name><grouplist><groupid>tools</groupid></grouplist></environment>' +
    '<category><id>c</id><name>C</name><grouplist><groupid>tools</groupid></grouplist></category>' +
    '<langpacks><match install="a-%s" name="a"/></langpacks>' +
    '<blacklist><package name="x" arch="y"/></blacklist>' +
    '<whiteout><ignoredep requires="a" package="b"/></whiteout>',
);

/** "dnf group list" ends with a signal or a fault at each. */
export const BAD_COMPS: Documents = new Map([
  ['a group without an id', comps('<group><name>x</name></group>')],
  ['a group with an empty id', comps('<group><id> </id><name>x</name></group>')],
  ['an environment without an id', comps('<environment><name>x</name></environment>')],
  ['a language pack without a name', comps('<langpacks><match install="a"/></langpacks>')],
  ['a blacklisted package without a name', comps('<blacklist><package arch="x"/></blacklist>')],
  ['an element in an id', comps('<group><id>x<b/></id><name>x</name></group>')],
  ['an empty visibility', comps('<group><id>x</id><uservisible/></group>')],
  [
    'a visibility that is empty at first',
    comps('<group><id>x</id><uservisible/><uservisible>true</uservisible></group>'),
  ],
  ['an element in a visibility', comps('<group><id>x</id><uservisible>true<b/></uservisible></group>')],
  ['an empty choice of architectures', comps('<group><id>x</id><biarchonly> </biarchonly></group>')],
  ['an empty place of a group', comps('<group><id>x</id><display_order/></group>')],
  ['an empty place of a category', comps('<category><id>x</id><display_order/></category>')],
  ['an empty place of an environment', comps('<environment><id>x</id><display_order/></environment>')],
  ['an ignored dependency without what requires it', comps('<whiteout><ignoredep package="b"/></whiteout>')],
]);

const UPDATE =
  '<updates><update from="x" status="final" type="security" version="1"><id>A-1</id><title>t</title></update></updates>';

export const GOOD_UPDATEINFO = `<?xml version='1.0' encoding='utf-8' standalone='no'?>${UPDATE}`;

/** zypper leaves the repository out at each. */
export const BAD_UPDATEINFO: Documents = new Map([
  ['an encoding that no reader knows', `<?xml version="1.0" encoding="x-nonsense"?>${UPDATE}`],
  ['an encoding that it has not', `<?xml version="1.0" encoding="UTF-16"?>${UPDATE}`],
  ['a name of UTF-8 that is none', `<?xml version="1.0" encoding="utf8"?>${UPDATE}`],
  ['a control character of XML 1.1', `<?xml version="1.1"?>${UPDATE.replace('A-1', '&#1;')}`],
  ['two byte order marks', `\ufeff\ufeff${UPDATE}`],
  ['a document type that is no declaration', `<!DOCTYPE updates garbage here>${UPDATE}`],
  ['a document type without a name', `<!DOCTYPE>${UPDATE}`],
  ['a document type without a blank', `<!DOCTYPEupdates>${UPDATE}`],
  ['a document type of a system without a place', `<!DOCTYPE updates SYSTEM>${UPDATE}`],
  ['a document type of the public without a place', `<!DOCTYPE updates PUBLIC "a">${UPDATE}`],
  ['a public identifier with other characters', `<!DOCTYPE updates PUBLIC "{" "b">${UPDATE}`],
  ['a document type with other white space', `<!DOCTYPE\u00a0updates>${UPDATE}`],
  ['an instruction that ends in its name', UPDATE.replace('<update ', '<?x??><update ')],
  ['a name of XML 1.0 since its fifth edition', UPDATE.replace('A-1', '<\u{10000}/>A-1')],
  ['a name with a character that others lack', UPDATE.replace('A-1', '<a\u203f/>A-1')],
  ['an attribute of such a name', UPDATE.replace('<update ', '<update \u2c00="x" ')],
  ['XML that ends too early', UPDATE.slice(0, -3)],
  ['no XML', 'a: b\n'],
]);
