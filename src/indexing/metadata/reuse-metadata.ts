import { type BigIntStats, lstatSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { toIdentity } from '../../base/files/file-identity.ts';
import {
  openingTag,
  PACKAGE_METADATA_TYPES,
  type PackageMetadataType,
} from '../../rpm/repodata/metadata-envelope.ts';
import type { ScannedPackage } from '../../rpm/repodata/package-scanner.ts';
import type { Repomd } from '../../rpm/repodata/repomd.ts';
import { type PackageGroup, perType, type PlacedSegment } from '../engines/incremental/package-group.ts';
import { scanPublished } from '../rebuild/scan-published.ts';

export interface ReusableMetadata {
  /** One group a package, in order of location. */
  readonly groups: readonly PackageGroup[];
  /** Why there are no groups. */
  readonly warnings: readonly string[];
}

/** A package as primary describes it, whose file is there. */
interface AdoptedPackage {
  readonly pkgid: string;
  readonly location: string;
  /** See toIdentity(). */
  readonly identity: string;
  /** Its text in primary, which is of this location only: the same package may lie at others too. */
  readonly primary: PlacedSegment;
}

/** pkgid -> the text in these files. */
type OtherTexts = Readonly<Record<'filelists' | 'other', Map<string, PlacedSegment>>>;

const SHA256_HEX = /^[0-9a-f]{64}$/;
const NEWLINE = Buffer.from('\n');

/**
 * Takes over metadata that another program wrote, or this one before the state was lost, so that its packages need not
 * be read again: those whose file still has the size and the mtime that primary gives. A rebuild puts the text in
 * order, and checks it as strictly as the service's own.
 * @param outputDir takes the unpacked text.
 * @returns no groups when the metadata is damaged, or of a doubtful kind: every package is then read again.
 */
export async function reuseMetadata(
  repositoryDir: string,
  published: Repomd,
  outputDir: string,
): Promise<ReusableMetadata> {
  // Both grow with the packages on disk, whatever the metadata says: a small file may describe millions.
  const adopted = new Map<string, AdoptedPackage>();
  const texts: OtherTexts = { filelists: new Map(), other: new Map() };
  const from = { repositoryDir, published, outputDir };
  try {
    await unpack('primary', from, (scanned, segment) => {
      const described = describedBy(scanned, segment, repositoryDir);
      if (described === undefined || adopted.has(described.location)) return false;
      adopted.set(described.location, described);
      return true;
    });
    const pkgids = new Set([...adopted.values()].map(({ pkgid }) => pkgid));
    for (const type of ['filelists', 'other'] as const) {
      await unpack(type, from, ({ pkgid }, segment) => {
        if (!pkgids.has(pkgid) || texts[type].has(pkgid)) return false;
        texts[type].set(pkgid, segment);
        return true;
      });
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    for (const type of PACKAGE_METADATA_TYPES) await rm(unpackedPath(outputDir, type), { force: true });
    return { groups: [], warnings: [`the published metadata is not taken over: ${reason}`] };
  }
  const groups = [...adopted.values()]
    .toSorted((a, b) => (a.location < b.location ? -1 : 1))
    .flatMap((described) => toGroup(described, texts));
  return { groups, warnings: [] };
}

function unpackedPath(outputDir: string, type: PackageMetadataType): string {
  return join(outputDir, `adopted-${type}`);
}

/**
 * Writes the text of the packages that are wanted.
 * @param isWanted is asked about each readable package, with the place of its text.
 * @throws Error when the file is not as repomd.xml says, or begins in another way than all known writers begin it.
 */
async function unpack(
  type: PackageMetadataType,
  from: { readonly repositoryDir: string; readonly published: Repomd; readonly outputDir: string },
  isWanted: (scanned: ScannedPackage, segment: PlacedSegment) => boolean,
): Promise<void> {
  const outputPath = unpackedPath(from.outputDir, type);
  await using output = await open(outputPath, 'w');
  let offset = 0;
  for await (const scanned of scanPublished(type, from, (start) => checkOpening(type, start))) {
    const wanted = scanned.filter((one) => {
      const lengthBytes = one.element.length + NEWLINE.length;
      if (!one.isReadable || !isWanted(one, plainSegment(outputPath, offset, lengthBytes))) return false;
      offset += lengthBytes;
      return true;
    });
    await writeAll(output, wanted);
  }
}

/**
 * Our wrapping would change the meaning of prefixes that another root element declares.
 * @throws Error when it is not what all known writers begin with.
 */
export function checkOpening(type: PackageMetadataType, start: Uint8Array): void {
  const expected = withoutCount(openingTag(type, 0));
  const found = withoutCount(Buffer.from(start).toString('latin1', 0, 2 * openingTag(type, 0).length));
  if (!found.startsWith(expected)) throw new Error(`${type} begins in an unknown way`);
}

function withoutCount(text: string): string {
  return text.replace(/packages="\d*"/, '').replace(/\s+/g, '');
}

async function writeAll(output: FileHandle, scanned: readonly ScannedPackage[]): Promise<void> {
  if (scanned.length === 0) return;
  await output.writeFile(Buffer.concat(scanned.flatMap(({ element }) => [element, NEWLINE])));
}

function plainSegment(path: string, offset: number, lengthBytes: number): PlacedSegment {
  return { path, offset, lengthBytes, openBytes: lengthBytes, crc32: 0, openCrc32: 0, format: 'plain' };
}

/** Undefined for a package whose file lies elsewhere or has changed, or that is identified by another digest. */
function describedBy(
  { pkgid, location, element }: ScannedPackage,
  primary: PlacedSegment,
  repositoryDir: string,
): AdoptedPackage | undefined {
  const text = Buffer.from(element).toString('latin1');
  const sizeBytes = /<size [^<>]*?package="(?<bytes>\d+)"/.exec(text)?.groups?.['bytes'];
  const mtimeSeconds = /<time [^<>]*?file="(?<seconds>\d+)"/.exec(text)?.groups?.['seconds'];
  const isOurs = SHA256_HEX.test(pkgid) && !/<location [^<>]*?xml:base=/.test(text);
  if (!isOurs || location === undefined || sizeBytes === undefined || mtimeSeconds === undefined) {
    return undefined;
  }
  // The same file has names without end in another spelling.
  if (normalize(location) !== location) return undefined;
  const stats = readStats(join(repositoryDir, location));
  const isSame =
    stats?.isFile() === true &&
    stats.size === BigInt(sizeBytes) &&
    stats.mtimeNs / 1_000_000_000n === BigInt(mtimeSeconds);
  return isSame ? { pkgid, location, identity: toIdentity(stats), primary } : undefined;
}

function toGroup(
  { pkgid, location, identity, primary }: AdoptedPackage,
  texts: OtherTexts,
): readonly PackageGroup[] {
  const filelists = texts.filelists.get(pkgid);
  const other = texts.other.get(pkgid);
  if (filelists === undefined || other === undefined) return [];
  const segments = { primary, filelists, other };
  const textBytes = perType((type) => segments[type].openBytes);
  return [{ packages: [{ location, pkgid, identity, textBytes }], segments }];
}

/** Undefined also for what can be no path: too long, or with a NUL in it. */
function readStats(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
