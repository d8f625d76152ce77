import { SaxesParser } from 'saxes';

/** One metadata file that repomd.xml names. */
export interface RepomdData {
  /** `primary`, `filelists`, `other`, `group`, `updateinfo`, ... */
  readonly type: string;
  /** Relative to the repository's directory: `repodata/<checksum>-primary.xml.gz`. */
  readonly href: string;
  readonly checksum: { readonly type: string; readonly hex: string };
  readonly sizeBytes: number | undefined;
  /** The whole `<data>` element as it stands, so that elements we do not know survive. */
  readonly xml: string;
}

export interface Repomd {
  readonly revision: string;
  readonly data: readonly RepomdData[];
}

/** What a freshly written metadata file says of itself in repomd.xml. */
export interface MetadataFile {
  readonly type: string;
  readonly href: string;
  /** Lower-case hex sha256 of the file. */
  readonly sha256: string;
  /** Of its uncompressed content; clients do without. */
  readonly openSha256?: string;
  readonly sizeBytes: number;
  readonly openSizeBytes: number;
  readonly timestampSeconds: number;
}

const REPO_NAMESPACE = 'http://linux.duke.edu/metadata/repo';
const RPM_NAMESPACE = 'http://linux.duke.edu/metadata/rpm';

/**
 * Reads a repomd.xml.
 * Source of the format: createrepo_c, src/xml_dump_repomd.c; libsolv, ext/repo_repomdxml.c.
 * @throws Error when it is not well-formed or a `<data>` element lacks its type, location or checksum.
 */
export function parseRepomd(xml: string): Repomd {
  const parser = new SaxesParser();
  const data: RepomdData[] = [];
  let revision = '';
  let text = '';
  let current: DataElement | undefined;
  let dataStart = 0;
  let tagStart = 0;

  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentagstart', ({ name }) => {
    tagStart = parser.position - name.length - 2;
  });
  parser.on('opentag', ({ name, attributes }) => {
    text = '';
    if (name === 'data') {
      current = { type: attributes['type'] };
      dataStart = xml.lastIndexOf('<data', tagStart + 1);
    }
    if (name === 'location' && current !== undefined) current.href = attributes['href'];
    if (name === 'checksum' && current !== undefined) current.checksumType = attributes['type'];
  });
  parser.on('text', (piece) => {
    text += piece;
  });
  parser.on('closetag', ({ name }) => {
    if (name === 'revision') revision = text.trim();
    if (current === undefined) return;
    if (name === 'checksum') current.checksum = text.trim();
    if (name === 'size') current.sizeBytes = Number(text.trim());
    if (name !== 'data') return;
    data.push(completeData(current, xml.slice(dataStart, parser.position)));
    current = undefined;
  });
  parser.write(xml).close();
  return { revision, data };
}

/** repomd.xml for these files, followed by `<data>` elements carried over as they stand. */
export function renderRepomd(options: {
  readonly revision: string;
  readonly files: readonly MetadataFile[];
  readonly carriedXml: readonly string[];
}): string {
  const elements = [...options.files.map(renderData), ...options.carriedXml.map((xml) => `  ${xml}\n`)];
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n` +
    `<repomd xmlns="${REPO_NAMESPACE}" xmlns:rpm="${RPM_NAMESPACE}">\n` +
    `  <revision>${options.revision}</revision>\n${elements.join('')}</repomd>\n`
  );
}

/** Adds `<data>` elements to a repomd.xml just before its end. */
export function withCarriedData(repomdXml: string, carriedXml: readonly string[]): string {
  const end = repomdXml.lastIndexOf('</repomd>');
  const added = carriedXml.map((xml) => `  ${xml}\n`).join('');
  return `${repomdXml.slice(0, end)}${added}${repomdXml.slice(end)}`;
}

interface DataElement {
  type: string | undefined;
  href?: string | undefined;
  checksumType?: string | undefined;
  checksum?: string;
  sizeBytes?: number;
}

function completeData(element: DataElement, xml: string): RepomdData {
  const { type, href, checksumType, checksum, sizeBytes } = element;
  if (type === undefined || href === undefined || checksumType === undefined || checksum === undefined) {
    throw new Error(
      `repomd.xml: a <data> element lacks its type, location or checksum: ${xml.slice(0, 200)}`,
    );
  }
  return { type, href, checksum: { type: checksumType, hex: checksum }, sizeBytes, xml };
}

/** A `<data>` element as it stands in repomd.xml. */
export function renderData(file: MetadataFile): string {
  const { openSha256 } = file;
  return (
    `  <data type="${file.type}">\n` +
    `    <checksum type="sha256">${file.sha256}</checksum>\n` +
    (openSha256 === undefined ? '' : `    <open-checksum type="sha256">${openSha256}</open-checksum>\n`) +
    `    <location href="${file.href}"/>\n` +
    `    <timestamp>${file.timestampSeconds}</timestamp>\n` +
    `    <size>${file.sizeBytes}</size>\n` +
    `    <open-size>${file.openSizeBytes}</open-size>\n` +
    `  </data>\n`
  );
}
