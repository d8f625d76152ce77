import { parseRepomd, type Repomd, renderRepomd, withCarriedData } from '../../../src/rpm/repodata/repomd.ts';
import { type FuzzTarget, holds } from '../fuzz-target.ts';
import { METADATA_FILE as FILE } from '../../support/metadata-file.ts';

/** A repomd.xml that another program wrote, and its elements carried over into ours. */
export const repomd: FuzzTarget = {
  run,
  seeds: () => SEEDS.map((xml) => Buffer.from(xml)),
  dictionary: [
    '<data',
    '<data type="group">',
    '</data>',
    '<checksum type="sha256">',
    '</checksum>',
    '<location href="x"/>',
    '<size>',
    '</size>',
    '<revision>',
    '</revision>',
    '<repomd',
    '</repomd>',
    'type="',
    'href="',
    '/>',
    '"',
    "'",
    '>',
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    '<?a ?>',
    '<!DOCTYPE repomd>',
    '<!DOCTYPE a [<!ENTITY b "c">]>',
    '&b;',
    '&amp;',
    '&#10;',
    '&#x10FFFF;',
    '\ufeff',
    '\u{1f600}',
    '\r\n',
    '\r',
    '\t',
    ' xmlns="x"',
    ' xmlns:a="b"',
    '<a:data',
    '</repomd >',
  ], // prettier-ignore
};

const SHA = FILE.sha256;

const GROUP = `<data type="group"><checksum type="sha">ab</checksum><location href="repodata/c&amp;d.xml"/><size>5</size></data>`;

const SEEDS: readonly string[] = [
  renderRepomd({ revision: '1', files: [FILE], carriedXml: [] }),
  renderRepomd({ revision: '1', files: [{ ...FILE, openSha256: SHA }, FILE], carriedXml: [GROUP] }),
  `<repomd>${GROUP}</repomd>`,
];

function run(input: Buffer): void {
  const text = input.toString();
  let read: Repomd;
  try {
    read = parseRepomd(text);
  } catch (error) {
    if (error instanceof Error && error.constructor === Error) return;
    throw error;
  }
  const carriedXml = read.data.map(({ xml }) => xml);
  for (const xml of carriedXml) holds(/^<data[\s>/][^]*>$/.test(xml), 'an element is cut elsewhere');
  const ours = renderRepomd({ revision: '1', files: [FILE], carriedXml });
  holds(isSame(parseRepomd(ours).data.slice(1), read.data), 'a carried element comes back as another one');
  const added = withCarriedData(renderRepomd({ revision: '1', files: [FILE], carriedXml: [] }), carriedXml);
  holds(added === ours, 'adding elements gives another file than writing them');
  checkOwn(input);
}

/** What we write comes back as it was. */
function checkOwn(input: Buffer): void {
  const hex = input.subarray(0, 32).toString('hex').padEnd(64, '0');
  const file = { ...FILE, sha256: hex, href: `repodata/${hex}-x.xml.zst`, sizeBytes: input.length };
  const { revision, data } = parseRepomd(renderRepomd({ revision: hex, files: [file], carriedXml: [] }));
  const expected = {
    type: file.type,
    href: file.href,
    checksum: { type: 'sha256', hex },
    openChecksum: undefined,
    sizeBytes: input.length,
    timestampSeconds: FILE.timestampSeconds,
    xml: '',
  };
  holds(revision === hex && isSame(data, [expected]), 'our own repomd.xml comes back as another one');
}

function isSame(found: Repomd['data'], expected: Repomd['data']): boolean {
  const facts = (data: Repomd['data']): string => JSON.stringify(data.map(({ xml: _xml, ...rest }) => rest));
  return facts(found) === facts(expected);
}
