import { SaxesParser } from 'saxes';
import { type DistroTag, type RepomdTags, renderTags } from './repomd-tags.ts';

/** One metadata file that repomd.xml names. */
export interface RepomdData {
  /** `primary`, `filelists`, `other`, `group`, `updateinfo`, ... */
  readonly type: string;
  /** Relative to the repository's directory: `repodata/<checksum>-primary.xml.gz`. */
  readonly href: string;
  readonly checksum: { readonly type: string; readonly hex: string };
  /** Of the uncompressed content, where it is said. */
  readonly openChecksum: { readonly type: string; readonly hex: string } | undefined;
  readonly sizeBytes: number | undefined;
  /** When the file was made, as Unix time; undefined without a usable one. Python's createrepo wrote fractions. */
  readonly timestampSeconds: number | undefined;
  /** The whole `<data>` element as it stands, so that elements we do not know survive. */
  readonly xml: string;
}

export interface Repomd {
  readonly revision: string;
  readonly tags: RepomdTags;
  readonly data: readonly RepomdData[];
}

/** The facts that repomd.xml has of a freshly written metadata file. */
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

// Matches in a repomd.xml that the engine wrote, ours or createrepo_c: neither writes a comment or another `tags`.
const TAGS_ELEMENT = /[ \t]*<tags(?:\/>|>.*?<\/tags>)\n?/s;
const REVISION_END = '</revision>\n';

/**
 * Reads a repomd.xml.
 * Source of the format: createrepo_c, src/xml_dump_repomd.c; libsolv, ext/repo_repomdxml.c.
 * @throws Error when it is not well-formed or a `<data>` element lacks its type, location or checksum.
 */
export function parseRepomd(xml: string): Repomd {
  const parser = new SaxesParser();
  const data: RepomdData[] = [];
  const tags = { content: [] as string[], repo: [] as string[], distro: [] as DistroTag[] };
  let isInTags = false;
  let cpeid: string | undefined;
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
    if (name === 'tags') isInTags = current === undefined;
    if (name === 'distro') cpeid = attributes['cpeid'];
    if (name === 'location' && current !== undefined) current.href = attributes['href'];
    if (name === 'checksum' && current !== undefined) current.checksumType = attributes['type'];
    if (name === 'open-checksum' && current !== undefined) current.openChecksumType = attributes['type'];
  });
  parser.on('text', (piece) => {
    text += piece;
  });
  parser.on('closetag', ({ name }) => {
    if (name === 'revision') revision = text.trim();
    if (name === 'tags') isInTags = false;
    if (isInTags) addTag(tags, { name, text: text.trim(), cpeid });
    if (current === undefined) return;
    if (name === 'checksum') current.checksum = text.trim();
    if (name === 'open-checksum') current.openChecksum = text.trim();
    if (name === 'size') current.sizeBytes = Number(text.trim());
    if (name === 'timestamp') current.timestampSeconds = secondsIn(text);
    if (name !== 'data') return;
    data.push(completeData(current, xml.slice(dataStart, parser.position)));
    current = undefined;
  });
  parser.write(xml).close();
  return { revision, tags, data };
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

/** A repomd.xml with these tags, in place of any that are in it. */
export function withTags(repomdXml: string, tags: RepomdTags): string {
  const bare = repomdXml.replace(TAGS_ELEMENT, '');
  // createrepo_c writes them here.
  const end = bare.indexOf(REVISION_END);
  if (end < 0) throw new Error('repomd.xml has no <revision>');
  const start = end + REVISION_END.length;
  return `${bare.slice(0, start)}${renderTags(tags)}${bare.slice(start)}`;
}

/** Adds `<data>` elements to a repomd.xml just before its end. */
export function withCarriedData(repomdXml: string, carriedXml: readonly string[]): string {
  const end = repomdXml.lastIndexOf('</repomd>');
  const added = carriedXml.map((xml) => `  ${xml}\n`).join('');
  return `${repomdXml.slice(0, end)}${added}${repomdXml.slice(end)}`;
}

/**
 * Raises the revision and the timestamps of a repomd.xml that an engine just wrote: a client that refuses an older
 * index than the one it has then takes it.
 * @param revision replaces a number; a text was chosen by the administrator and stays.
 * @param timestampSeconds no file is older.
 */
export function raiseRepomd(
  repomdXml: string,
  { revision, timestampSeconds }: { readonly revision: string; readonly timestampSeconds: number },
): string {
  return repomdXml
    .replace(/<revision>\s*\d+\s*<\/revision>/, `<revision>${revision}</revision>`)
    .replace(/<timestamp>\s*(\d+)\s*<\/timestamp>/g, (element, seconds: string) =>
      Number(seconds) < timestampSeconds ? `<timestamp>${timestampSeconds}</timestamp>` : element,
    );
}

interface DataElement {
  type: string | undefined;
  href?: string | undefined;
  checksumType?: string | undefined;
  checksum?: string;
  openChecksumType?: string | undefined;
  openChecksum?: string;
  sizeBytes?: number;
  timestampSeconds?: number | undefined;
}

function secondsIn(text: string): number | undefined {
  const seconds = Math.ceil(Number(text.trim()));
  return Number.isSafeInteger(seconds) && seconds > 0 ? seconds : undefined;
}

function addTag(
  { content, repo, distro }: { content: string[]; repo: string[]; distro: DistroTag[] },
  { name, text, cpeid }: { readonly name: string; readonly text: string; readonly cpeid: string | undefined },
): void {
  if (name === 'content') content.push(text);
  if (name === 'repo') repo.push(text);
  if (name === 'distro') distro.push({ name: text, ...(cpeid === undefined ? {} : { cpeid }) });
}

function completeData(element: DataElement, xml: string): RepomdData {
  const { type, href, checksumType, checksum, openChecksumType, openChecksum } = element;
  const { sizeBytes, timestampSeconds } = element;
  if (type === undefined || href === undefined || checksumType === undefined || checksum === undefined) {
    throw new Error(
      `repomd.xml: a <data> element lacks its type, location or checksum: ${xml.slice(0, 200)}`,
    );
  }
  const hasOpen = openChecksumType !== undefined && openChecksum !== undefined;
  return {
    type,
    href,
    checksum: { type: checksumType, hex: checksum },
    openChecksum: hasOpen ? { type: openChecksumType, hex: openChecksum } : undefined,
    sizeBytes,
    timestampSeconds,
    xml,
  };
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
