import { lstatSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOfFile } from '../../../base/files/file-digest.ts';
import { identityAt } from '../../../base/files/file-identity.ts';
import { findAlgorithm } from '../../../rpm/repodata/checksum-types.ts';
import type { PackageMetadataType } from '../../../rpm/repodata/metadata-envelope.ts';
import type { ScannedPackage } from '../../../rpm/repodata/package-scanner.ts';
import { checkOpening } from '../../metadata/reuse-metadata.ts';
import { type PackageGroup, perType, type PlacedSegment } from './package-group.ts';
import { readSoundRepomd } from '../../../storage/read-repomd.ts';
import { scanPublished } from '../../rebuild/scan-published.ts';

/** A package whose published text is wanted. */
export interface WantedText {
  readonly location: string;
  /**
   * The sha256 that must have been published; undefined when it must be that of the file as it lies there now.
   */
  readonly sha256: string | undefined;
}

interface Found {
  readonly location: string;
  readonly pkgid: string;
  readonly sha256: string;
  primary?: PlacedSegment;
  filelists?: PlacedSegment;
  other?: PlacedSegment;
}

const NEWLINE = Buffer.from('\n');
const CHECKSUM = /<checksum type="(?<type>[a-z0-9]+)" pkgid="YES">/;

/**
 * What is published of these packages, each as a group of its own, where it was published of the bytes that are meant. A
 * package that is identified by another digest than sha256 gets its sha256 in the text.
 * @param outputDir takes the text.
 * @returns nothing for packages that are not published, or where the metadata cannot be read.
 */
export async function readPublishedTexts(
  repositoryDir: string,
  wanted: readonly WantedText[],
  outputDir: string,
): Promise<ReadonlyMap<string, PackageGroup>> {
  const published = await readSoundRepomd(repositoryDir);
  if (published === undefined || wanted.length === 0) return new Map();
  const from = { repositoryDir, published };
  const byLocation = new Map(wanted.map((one) => [one.location, one]));
  const found = new Map<string, Found>();
  try {
    await using primary = await openOutput('primary', outputDir);
    for await (const scanned of scanPublished('primary', from, (start) => checkOpening('primary', start))) {
      for (const one of scanned) {
        const asked = byLocation.get(one.location ?? '');
        const described = asked && (await identify(one, asked, repositoryDir));
        if (described === undefined || found.has(described.location)) continue;
        described.primary = await primary.write(withSha256(one, described.sha256));
        found.set(described.location, described);
      }
    }
    const byPkgid = Map.groupBy(found.values(), ({ pkgid }) => pkgid);
    for (const type of ['filelists', 'other'] as const) {
      await using output = await openOutput(type, outputDir);
      for await (const scanned of scanPublished(type, from, (start) => checkOpening(type, start))) {
        for (const one of scanned) {
          for (const described of byPkgid.get(one.pkgid) ?? []) {
            described[type] ??= await output.write(withSha256(one, described.sha256));
          }
        }
      }
    }
  } catch {
    // Damaged metadata gives no texts.
    return new Map();
  }
  return new Map([...found.values()].flatMap((one) => toGroup(one, repositoryDir)));
}

/** Undefined when the text describes other bytes than the wanted ones. */
async function identify(
  { pkgid, element, isReadable }: ScannedPackage,
  { location, sha256 }: WantedText,
  repositoryDir: string,
): Promise<Found | undefined> {
  const type = CHECKSUM.exec(Buffer.from(element).toString('latin1'))?.groups?.['type'] ?? '';
  const algorithm = findAlgorithm(type);
  if (!isReadable || algorithm === undefined) return undefined;
  if (sha256 !== undefined) {
    return algorithm === 'sha256' && pkgid === sha256 ? { location, pkgid, sha256 } : undefined;
  }
  const path = join(repositoryDir, location);
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  if ((await digestOfFile(path, algorithm)) !== pkgid) return undefined;
  return { location, pkgid, sha256: algorithm === 'sha256' ? pkgid : await digestOfFile(path) };
}

/** The element as it stands, but for the digest that identifies the package. */
function withSha256({ pkgid, element }: ScannedPackage, sha256: string): Uint8Array {
  if (pkgid === sha256) return element;
  const text = Buffer.from(element).toString('latin1');
  const renamed = text.replace(CHECKSUM, '<checksum type="sha256" pkgid="YES">').replace(pkgid, sha256);
  return Buffer.from(renamed, 'latin1');
}

function toGroup(
  { location, sha256, primary, filelists, other }: Found,
  repositoryDir: string,
): readonly (readonly [string, PackageGroup])[] {
  const identity = identityAt(join(repositoryDir, location));
  if (identity === undefined || !primary || !filelists || !other) return [];
  const segments = { primary, filelists, other };
  const textBytes = perType((type) => segments[type].openBytes);
  return [[location, { packages: [{ location, pkgid: sha256, identity, textBytes }], segments }]];
}

interface Output extends AsyncDisposable {
  readonly write: (element: Uint8Array) => Promise<PlacedSegment>;
}

async function openOutput(type: PackageMetadataType, outputDir: string): Promise<Output> {
  const path = join(outputDir, `published-${type}`);
  const file: FileHandle = await open(path, 'w');
  let offset = 0;
  return {
    write: async (element) => {
      const lengthBytes = element.length + NEWLINE.length;
      await file.writeFile(Buffer.concat([element, NEWLINE]));
      const segment = { path, offset, lengthBytes, openBytes: lengthBytes, crc32: 0, openCrc32: 0 };
      offset += lengthBytes;
      return { ...segment, format: 'plain' };
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}
