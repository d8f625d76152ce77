import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { sendRequest } from './send-request.ts';

/** Gives a file of a repository by its path below the baseurl; rejects when it is not there. */
export type FileReader = (path: string) => Promise<Buffer>;

export function readerOverHttp(baseUrl: string, repository: string): FileReader {
  return async (path) => {
    const answer = await sendRequest(baseUrl, { path: `/repo/${repository}/${path}` });
    if (answer.status === 200) return answer.bytes;
    throw new Error(`${path} answered ${answer.status}`);
  };
}

export function readerOnDisk(storageDir: string, repository: string): FileReader {
  return async (path) => readFile(join(storageDir, repository, path));
}

/** One file that repomd.xml names. */
interface NamedFile {
  readonly type: string;
  readonly href: string;
  readonly checksum: string;
  readonly openChecksum: string | undefined;
  readonly sizeBytes: number;
  readonly openSizeBytes: number | undefined;
}

/** A repository's index as a client reads it. */
export interface RepositoryIndex {
  readonly repomdXml: string;
  /** Every type in repomd.xml. */
  readonly types: readonly string[];
  /** Location -> pkgid (the sha256 of the package). */
  readonly packages: ReadonlyMap<string, string>;
}

/**
 * Reads repomd.xml and all that it names as a client does, and checks what a client checks and more: checksums and
 * sizes, of the files and of their content, and that primary, filelists and other agree. Written for tests, on its
 * own and without our own reader, which it judges. @throws Error saying what is wrong with the repository.
 */
export async function readIndex(read: FileReader): Promise<RepositoryIndex> {
  const repomdXml = (await read('repodata/repomd.xml')).toString();
  return readNamedFiles(repomdXml, read);
}

/** The same for a repomd.xml that was read before: what it names must still be there. */
export async function readNamedFiles(repomdXml: string, read: FileReader): Promise<RepositoryIndex> {
  if (!repomdXml.trimEnd().endsWith('</repomd>')) throw new Error(`repomd.xml is cut: ${repomdXml}`);
  const named = [...repomdXml.matchAll(/<data type="([^"]+)">(.*?)<\/data>/gs)].map(toNamedFile);
  const contents = new Map<string, string>();
  for (const file of named) contents.set(file.type, checkedContent(file, await read(file.href)).toString());

  const primary = contents.get('primary');
  if (primary === undefined) throw new Error('repomd.xml names no primary');
  const packages = packagesOf(primary);
  const pkgids = [...packages.values()].toSorted();
  for (const type of ['filelists', 'other']) {
    const found = [...(contents.get(type) ?? '').matchAll(/<package pkgid="([0-9a-f]+)"/g)].map(firstGroup);
    if (found.toSorted().join() !== pkgids.join())
      throw new Error(`${type} holds other packages than primary`);
  }
  return { repomdXml, types: named.map(({ type }) => type), packages };
}

function toNamedFile([, type = '', xml = '']: RegExpMatchArray): NamedFile {
  const element = (name: string): string | undefined =>
    new RegExp(`<${name}(?: [^>]*)?>([^<]*)<`).exec(xml)?.[1];
  const openSize = element('open-size');
  return {
    type,
    href: /<location href="([^"]+)"/.exec(xml)?.[1] ?? '',
    checksum: element('checksum') ?? '',
    openChecksum: element('open-checksum'),
    sizeBytes: Number(element('size')),
    openSizeBytes: openSize === undefined ? undefined : Number(openSize),
  };
}

function checkedContent(file: NamedFile, bytes: Buffer): Buffer {
  expectSame(file, 'checksum', sha256(bytes), file.checksum);
  expectSame(file, 'size', bytes.length, file.sizeBytes);
  const content = file.href.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  if (file.openChecksum !== undefined) expectSame(file, 'open-checksum', sha256(content), file.openChecksum);
  if (file.openSizeBytes !== undefined) expectSame(file, 'open-size', content.length, file.openSizeBytes);
  return content;
}

function expectSame(file: NamedFile, what: string, found: string | number, stated: string | number): void {
  if (found !== stated) throw new Error(`${file.href}: ${what} is ${found}, repomd.xml says ${stated}`);
}

function packagesOf(primary: string): ReadonlyMap<string, string> {
  const packages = new Map<string, string>();
  for (const [element] of primary.matchAll(/<package type="rpm">.*?<\/package>/gs)) {
    const location = /<location href="([^"]+)"/.exec(element)?.[1] ?? '';
    if (packages.has(location)) throw new Error(`primary names ${location} twice`);
    packages.set(location, /<checksum type="sha256" pkgid="YES">([0-9a-f]{64})</.exec(element)?.[1] ?? '');
  }
  const stated = Number(/ packages="(\d+)"/.exec(primary)?.[1]);
  if (stated !== packages.size) throw new Error(`primary says ${stated} packages and has ${packages.size}`);
  return packages;
}

function firstGroup(match: RegExpMatchArray): string {
  return match[1] ?? '';
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
