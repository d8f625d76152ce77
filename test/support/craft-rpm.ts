import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { DEPENDENCY_TAGS } from '../../src/rpm/rpm-parser/dependency-list.ts';
import type { DependencyKind } from '../../src/rpm/rpm-parser/rpm-package.ts';
import { SignatureTag, Tag } from '../../src/rpm/rpm-parser/tag.ts';
import { TagType, valueBytes } from '../../src/rpm/rpm-parser/tag-type.ts';

/** Text as UTF-8, or bytes as they are. */
export type CraftText = string | Uint8Array;

export interface CraftFile {
  /** Absolute; of a source package just a name. */
  readonly path: string;
  /** Type and permissions; a regular file of 0644 when left out. */
  readonly mode?: number;
  readonly flags?: number;
  /** Goes into the payload, so that the package can be installed. */
  readonly content?: string;
  /** When left out, that of the content. */
  readonly sizeBytes?: number;
  /** sha256 in hex; when left out, that of the content. */
  readonly digest?: string;
}

export interface CraftDependency {
  readonly name: CraftText;
  /** Sense bits, see `SENSE`. */
  readonly flags?: number;
  readonly evr?: CraftText;
}

export interface CraftChangelog {
  readonly author: CraftText;
  readonly timeSeconds: number;
  readonly text: CraftText;
}

/** The values of one tag, ready to be placed in a header. */
export interface CraftTag {
  readonly tag: number;
  readonly type: number;
  readonly count: number;
  readonly data: Buffer;
}

/** What the package says; whatever is left out gets a plausible value. */
export interface CraftSpec {
  readonly name?: string;
  readonly epoch?: number;
  readonly version?: string;
  readonly release?: string;
  readonly arch?: string;
  readonly summary?: CraftText;
  readonly description?: CraftText;
  readonly group?: CraftText;
  readonly license?: CraftText;
  readonly vendor?: CraftText;
  readonly packager?: CraftText;
  readonly url?: CraftText;
  readonly buildHost?: string;
  readonly buildTimeSeconds?: number;
  readonly sourceRpm?: string;
  readonly isSource?: boolean;
  readonly files?: readonly CraftFile[];
  /** Provides default to `name = evr`, all others to none. */
  readonly dependencies?: Partial<Record<DependencyKind, readonly CraftDependency[]>>;
  readonly changelogs?: readonly CraftChangelog[];
  /** Takes the place of a gzipped cpio archive of the files with content. */
  readonly payload?: Uint8Array;
  readonly payloadFormat?: string;
  readonly payloadCompressor?: string;

  /** Packages of format 3 have no region over their main header. */
  readonly hasRegion?: boolean;
  /** Changes the tags of the main header before they are laid out; digests match the result. */
  readonly editHeader?: (tags: readonly CraftTag[]) => readonly CraftTag[];
  /** Changes the main header's bytes; digests match the result. */
  readonly patchHeader?: (header: Buffer) => Buffer;
  readonly editSignature?: (tags: readonly CraftTag[]) => readonly CraftTag[];
  readonly patchSignature?: (header: Buffer) => Buffer;
}

/** RPMSENSE bits. Source: rpm, include/rpm/rpmds.h. */
export const SENSE = { LESS: 2, GREATER: 4, EQUAL: 8, LESS_EQUAL: 10, GREATER_EQUAL: 12 } as const;

export const DEPENDENCY_KINDS = [
  'provides',
  'requires',
  'conflicts',
  'obsoletes',
  'recommends',
  'suggests',
  'supplements',
  'enhances',
  'oldSuggests',
  'oldEnhances',
] as const satisfies readonly DependencyKind[];

const HEADER_MAGIC = Buffer.from('8eade80100000000', 'hex');
const INDEX_ENTRY_BYTES = 16;
const SHA256_ALGORITHM = 8;
const DEFAULT_MODE = 0o100644;
const EVERY_ATTRIBUTE = 0xffffffff;

/** Tags that only rpm itself reads. Source: rpm, include/rpm/rpmtag.h. */
const RPMVERSION = 1064;
const ENCODING = 5062;

/**
 * Writes a package file that rpm verifies (`rpm -K --nosignature`), queries and, when its files have
 * content, installs. The same spec always gives the same bytes.
 */
export function craftRpm(spec: CraftSpec = {}): Buffer {
  const archive = spec.payload === undefined ? craftArchive(spec) : undefined;
  const payload = spec.payload ?? gzipSync(archive ?? '', { level: 1 });
  const tags = headerTags(spec, payload);
  const plainHeader = craftHeader(
    spec.hasRegion === false ? undefined : Tag.HEADERIMMUTABLE,
    spec.editHeader ? spec.editHeader(tags) : tags,
  );
  const header = spec.patchHeader ? spec.patchHeader(plainHeader) : plainHeader;
  const signatureTags = craftSignature(header, payload, archive?.length ?? payload.length);
  const plainSignature = craftHeader(
    SignatureTag.HEADERSIGNATURES,
    spec.editSignature ? spec.editSignature(signatureTags) : signatureTags,
  );
  const signature = spec.patchSignature ? spec.patchSignature(plainSignature) : plainSignature;
  const padding = Buffer.alloc((8 - (signature.length % 8)) % 8);
  return Buffer.concat([craftLead(spec), signature, padding, header, payload]);
}

/** Lays out a header: the tags in the order of their numbers, and the region around them when there is one. */
export function craftHeader(regionTag: number | undefined, tags: readonly CraftTag[]): Buffer {
  const sorted = tags.toSorted((a, b) => a.tag - b.tag);
  const entryCount = sorted.length + (regionTag === undefined ? 0 : 1);
  const index = Buffer.alloc(entryCount * INDEX_ENTRY_BYTES);
  const parts: Buffer[] = [];
  let dataBytes = 0;
  let position = regionTag === undefined ? 0 : INDEX_ENTRY_BYTES;
  for (const { tag, type, count, data } of sorted) {
    const size = Math.max(valueBytes(type), 1);
    const gap = (size - (dataBytes % size)) % size;
    if (gap > 0) parts.push(Buffer.alloc(gap));
    writeIndexEntry(index, position, [tag, type, dataBytes + gap, count]);
    parts.push(data);
    dataBytes += gap + data.length;
    position += INDEX_ENTRY_BYTES;
  }
  if (regionTag !== undefined) {
    writeIndexEntry(index, 0, [regionTag, TagType.BIN, dataBytes, INDEX_ENTRY_BYTES]);
    const trailer = Buffer.alloc(INDEX_ENTRY_BYTES);
    writeIndexEntry(trailer, 0, [regionTag, TagType.BIN, 0, INDEX_ENTRY_BYTES]);
    trailer.writeInt32BE(-index.length, 8);
    parts.push(trailer);
    dataBytes += INDEX_ENTRY_BYTES;
  }
  const sizes = Buffer.alloc(8);
  sizes.writeUInt32BE(entryCount, 0);
  sizes.writeUInt32BE(dataBytes, 4);
  return Buffer.concat([HEADER_MAGIC, sizes, index, ...parts]);
}

/** Replaces the tags with the same number, or adds them. */
export function replaceTags(...replacements: readonly CraftTag[]) {
  const replaced = new Set(replacements.map(({ tag }) => tag));
  return (tags: readonly CraftTag[]) => [...tags.filter(({ tag }) => !replaced.has(tag)), ...replacements];
}

/** What makes a package one of format 6 as far as its size goes: it is in the main header only. */
export function formatSix(payloadBytes: number): Required<Pick<CraftSpec, 'editHeader' | 'editSignature'>> {
  return {
    editHeader: addTags(int32Tag(Tag.RPMFORMAT, [6]), int64Tag(Tag.PAYLOADSIZE, [payloadBytes])),
    editSignature: dropTags(SignatureTag.SIZE, SignatureTag.MD5, SignatureTag.SHA1, SignatureTag.PAYLOADSIZE),
  };
}

/** Adds tags, also when there are such already. */
export function addTags(...added: readonly CraftTag[]) {
  return (tags: readonly CraftTag[]) => [...tags, ...added];
}

export function dropTags(...dropped: readonly number[]) {
  return (tags: readonly CraftTag[]) => tags.filter(({ tag }) => !dropped.includes(tag));
}

export function stringTag(tag: number, value: CraftText): CraftTag {
  return { tag, type: TagType.STRING, count: 1, data: encodeStrings([value]) };
}

export function stringArrayTag(tag: number, values: readonly CraftText[]): CraftTag {
  return { tag, type: TagType.STRING_ARRAY, count: values.length, data: encodeStrings(values) };
}

export function i18nTag(tag: number, values: readonly CraftText[]): CraftTag {
  return { tag, type: TagType.I18NSTRING, count: values.length, data: encodeStrings(values) };
}

export function int16Tag(tag: number, values: readonly number[]): CraftTag {
  const data = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) data.writeUInt16BE(value, index * 2);
  return { tag, type: TagType.INT16, count: values.length, data };
}

export function int32Tag(tag: number, values: readonly number[]): CraftTag {
  const data = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) data.writeUInt32BE(value >>> 0, index * 4);
  return { tag, type: TagType.INT32, count: values.length, data };
}

export function int64Tag(tag: number, values: readonly (number | bigint)[]): CraftTag {
  const data = Buffer.alloc(values.length * 8);
  for (const [index, value] of values.entries()) data.writeBigUInt64BE(BigInt(value), index * 8);
  return { tag, type: TagType.INT64, count: values.length, data };
}

export function binaryTag(tag: number, data: Uint8Array): CraftTag {
  return { tag, type: TagType.BIN, count: data.length, data: Buffer.from(data) };
}

function writeIndexEntry(
  target: Buffer,
  position: number,
  entry: readonly [number, number, number, number],
): void {
  for (const [field, value] of entry.entries()) target.writeUInt32BE(value, position + field * 4);
}

function encodeStrings(values: readonly CraftText[]): Buffer {
  if (values.every((value) => typeof value === 'string')) return Buffer.from(`${values.join('\0')}\0`);
  return Buffer.concat(values.flatMap((value) => [Buffer.from(value), Buffer.alloc(1)]));
}

function headerTags(spec: CraftSpec, payload: Uint8Array): readonly CraftTag[] {
  const { name = 'example', version = '1.0', release = '1.el9', arch = 'x86_64', isSource = false } = spec;
  const digest = createHash('sha256').update(payload).digest('hex');
  return [
    stringArrayTag(Tag.HEADERI18NTABLE, ['C']),
    stringTag(Tag.NAME, name),
    stringTag(Tag.VERSION, version),
    stringTag(Tag.RELEASE, release),
    ...(spec.epoch === undefined ? [] : [int32Tag(Tag.EPOCH, [spec.epoch])]),
    i18nTag(Tag.SUMMARY, [spec.summary ?? 'An example package']),
    i18nTag(Tag.DESCRIPTION, [spec.description ?? 'A package\nmade for a test.']),
    int32Tag(Tag.BUILDTIME, [buildTime(spec)]),
    stringTag(Tag.BUILDHOST, spec.buildHost ?? 'build.example.com'),
    stringTag(Tag.LICENSE, spec.license ?? 'MIT'),
    i18nTag(Tag.GROUP, [spec.group ?? 'Unspecified']),
    ...optionalString(Tag.VENDOR, spec.vendor),
    ...optionalString(Tag.PACKAGER, spec.packager),
    ...optionalString(Tag.URL, spec.url),
    stringTag(Tag.OS, 'linux'),
    stringTag(Tag.ARCH, arch),
    isSource
      ? int32Tag(Tag.SOURCEPACKAGE, [1])
      : stringTag(Tag.SOURCERPM, spec.sourceRpm ?? `${name}-${version}-${release}.src.rpm`),
    stringTag(RPMVERSION, '4.18.0'),
    stringTag(ENCODING, 'utf-8'),
    stringTag(Tag.PAYLOADFORMAT, spec.payloadFormat ?? 'cpio'),
    stringTag(Tag.PAYLOADCOMPRESSOR, spec.payloadCompressor ?? 'gzip'),
    stringTag(Tag.PAYLOADFLAGS, '9'),
    stringArrayTag(Tag.PAYLOADSHA256, [digest]),
    int32Tag(Tag.PAYLOADSHA256ALGO, [SHA256_ALGORITHM]),
    ...dependencyTags(spec),
    ...changelogTags(spec.changelogs ?? []),
    ...fileTags(spec),
  ];
}

function buildTime(spec: CraftSpec): number {
  return spec.buildTimeSeconds ?? 1_700_000_000;
}

function optionalString(tag: number, value: CraftText | undefined): readonly CraftTag[] {
  return value === undefined ? [] : [stringTag(tag, value)];
}

function dependencyTags(spec: CraftSpec): readonly CraftTag[] {
  const { name = 'example', version = '1.0', release = '1.el9' } = spec;
  const epoch = spec.epoch === undefined ? '' : `${spec.epoch}:`;
  const self = { name, flags: SENSE.EQUAL, evr: `${epoch}${version}-${release}` };
  const dependencies: CraftSpec['dependencies'] = {
    ...(!spec.isSource && { provides: [self] }),
    ...spec.dependencies,
  };
  return DEPENDENCY_KINDS.flatMap((kind) => {
    const tags = DEPENDENCY_TAGS[kind];
    const list = dependencies[kind] ?? [];
    if (list.length === 0) return [];
    return [
      stringArrayTag(
        tags.name,
        list.map((dependency) => dependency.name),
      ),
      stringArrayTag(
        tags.version,
        list.map((dependency) => dependency.evr ?? ''),
      ),
      int32Tag(
        tags.flags,
        list.map((dependency) => dependency.flags ?? 0),
      ),
    ];
  });
}

function changelogTags(changelogs: readonly CraftChangelog[]): readonly CraftTag[] {
  if (changelogs.length === 0) return [];
  return [
    int32Tag(
      Tag.CHANGELOGTIME,
      changelogs.map((changelog) => changelog.timeSeconds),
    ),
    stringArrayTag(
      Tag.CHANGELOGNAME,
      changelogs.map((changelog) => changelog.author),
    ),
    stringArrayTag(
      Tag.CHANGELOGTEXT,
      changelogs.map((changelog) => changelog.text),
    ),
  ];
}

function fileTags(spec: CraftSpec): readonly CraftTag[] {
  const files = spec.files ?? [];
  const sizes = files.map(fileSize);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const isLong = total > 0xffffffff;
  const totalTag = isLong ? int64Tag(Tag.LONGSIZE, [total]) : int32Tag(Tag.SIZE, [total]);
  if (files.length === 0) return [totalTag];
  const splits = files.map(({ path }) => path.lastIndexOf('/') + 1);
  const directories = files.map(({ path }, index) => path.slice(0, splits[index]));
  const directoryIndexes = new Map([...new Set(directories)].map((directory, index) => [directory, index]));
  const fill = <Value>(value: Value) => files.map(() => value);
  return [
    totalTag,
    isLong ? int64Tag(Tag.LONGFILESIZES, sizes) : int32Tag(Tag.FILESIZES, sizes),
    int16Tag(Tag.FILEMODES, files.map(fileMode)),
    int16Tag(Tag.FILERDEVS, fill(0)),
    int32Tag(Tag.FILEMTIMES, fill(buildTime(spec))),
    stringArrayTag(Tag.FILEDIGESTS, files.map(fileDigest)),
    stringArrayTag(Tag.FILELINKTOS, fill('')),
    int32Tag(
      Tag.FILEFLAGS,
      files.map(({ flags }) => flags ?? 0),
    ),
    stringArrayTag(Tag.FILEUSERNAME, fill('root')),
    stringArrayTag(Tag.FILEGROUPNAME, fill('root')),
    int32Tag(Tag.FILEVERIFYFLAGS, fill(EVERY_ATTRIBUTE)),
    int32Tag(Tag.FILEDEVICES, fill(1)),
    int32Tag(
      Tag.FILEINODES,
      files.map((_, index) => index + 1),
    ),
    stringArrayTag(Tag.FILELANGS, fill('')),
    int32Tag(Tag.FILEDIGESTALGO, [SHA256_ALGORITHM]),
    int32Tag(
      Tag.DIRINDEXES,
      directories.map((directory) => directoryIndexes.get(directory) ?? 0),
    ),
    stringArrayTag(
      Tag.BASENAMES,
      files.map(({ path }, index) => path.slice(splits[index])),
    ),
    stringArrayTag(Tag.DIRNAMES, [...directoryIndexes.keys()]),
  ];
}

function fileMode(file: CraftFile): number {
  return file.mode ?? DEFAULT_MODE;
}

function fileSize(file: CraftFile): number {
  return file.sizeBytes ?? Buffer.byteLength(file.content ?? '');
}

function fileDigest(file: CraftFile): string {
  if (file.digest !== undefined) return file.digest;
  const isRegular = (fileMode(file) & 0o170000) === 0o100000;
  return isRegular
    ? createHash('sha256')
        .update(file.content ?? '')
        .digest('hex')
    : '';
}

/** The signature header that rpmbuild 4.18 writes, without the space it reserves. */
function craftSignature(header: Buffer, payload: Uint8Array, archiveBytes: number): readonly CraftTag[] {
  const md5 = createHash('md5').update(header).update(payload).digest();
  return [
    stringTag(SignatureTag.SHA1, createHash('sha1').update(header).digest('hex')),
    stringTag(SignatureTag.SHA256, createHash('sha256').update(header).digest('hex')),
    int32Tag(SignatureTag.SIZE, [header.length + payload.length]),
    binaryTag(SignatureTag.MD5, md5),
    int32Tag(SignatureTag.PAYLOADSIZE, [archiveBytes]),
  ];
}

/** Source: rpm, lib/rpmlead.cc, struct rpmlead_s. */
function craftLead(spec: CraftSpec): Buffer {
  const lead = Buffer.alloc(96);
  lead.set([0xed, 0xab, 0xee, 0xdb, 3, 0]);
  lead.writeUInt16BE(spec.isSource ? 1 : 0, 6);
  lead.writeUInt16BE(1, 8);
  lead.write(`${spec.name ?? 'example'}-${spec.version ?? '1.0'}-${spec.release ?? '1.el9'}`, 10, 65);
  lead.writeUInt16BE(1, 76);
  lead.writeUInt16BE(5, 78);
  return lead;
}

/** Source: cpio(5), "New ASCII Format"; rpm writes the paths with a leading dot. */
function craftArchive(spec: CraftSpec): Buffer {
  const parts: Buffer[] = [];
  for (const [index, file] of (spec.files ?? []).entries()) {
    if (file.content === undefined) continue;
    const path = spec.isSource ? file.path : `.${file.path}`;
    const fields = [index + 1, fileMode(file), 0, 0, 1, buildTime(spec)];
    parts.push(...cpioEntry(path, file.content, fields));
  }
  parts.push(...cpioEntry('TRAILER!!!', '', [0, 0, 0, 0, 1, 0]));
  return Buffer.concat(parts);
}

/** `fields`: inode, mode, user, group, links, time. */
function cpioEntry(path: string, content: string, fields: readonly number[]): readonly Buffer[] {
  const name = Buffer.from(`${path}\0`);
  const data = Buffer.from(content);
  const numbers = [...fields, data.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(
    `070701${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}`,
  );
  return [header, name, alignment(header.length + name.length), data, alignment(data.length)];
}

function alignment(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
