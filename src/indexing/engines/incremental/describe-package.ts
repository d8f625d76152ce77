import { createHash, type Hash } from 'node:crypto';
import { closeSync, fstatSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../../errors.ts';
import { unreadablePackage } from '../../unreadable-package.ts';
import { openToRead } from '../../../base/files/open-to-read.ts';
import { toIdentity } from '../../../base/files/file-identity.ts';
import { readInto, readStart, release } from '../../../base/files/read-into.ts';
import { type PackageXml, renderPackage } from '../../../rpm/repodata/render-package.ts';
import {
  compareSize,
  findIndexDefect,
  findWrongDigest,
  type IndexDefect,
  isProvable,
} from '../../../rpm/package-rules.ts';
import { explainDependencyDefect } from '../../../rpm/rpm-parser/dependency-defect.ts';
import { gatherHeader } from '../../../rpm/rpm-parser/gather-header.ts';
import { parseRpm } from '../../../rpm/rpm-parser/parse-rpm.ts';
import { RpmParseError } from '../../../rpm/rpm-parser/rpm-parse-error.ts';
import type { RpmPackage, TextDefect } from '../../../rpm/rpm-parser/rpm-package.ts';
import { verifyHeaderDigests } from '../../../rpm/rpm-parser/verify-header-digests.ts';
import type { NewPackage } from './plan-groups.ts';

/** What became of a package file that had to be described. */
export type Description =
  | {
      readonly outcome: 'described';
      readonly pkgid: string;
      readonly identity: string;
      readonly xml: PackageXml;
    }
  | { readonly outcome: 'left-out'; readonly identity: string; readonly reason: string }
  /** Its bytes are not those that were acknowledged. */
  | { readonly outcome: 'damaged'; readonly identity: string; readonly reason: string }
  /** The file is gone: it was removed meanwhile. */
  | { readonly outcome: 'gone' };

const CHUNK_BYTES = 1024 * 1024;

// V8 ends at a string of half a GiB with a RangeError; no reader could take such an element.
const TOO_LARGE = 'its metadata is larger than any reader can take';

/**
 * Reads a package once and describes it as repodata does.
 * @throws AppError INDEX_FAILED when the file cannot be read now; it must not be left out for ever because of that.
 */
export function describePackage(repositoryDir: string, newPackage: NewPackage): Description {
  const { location } = newPackage;
  const path = join(repositoryDir, location);
  try {
    const descriptor = openToRead(path);
    try {
      return describeOpened(descriptor, newPackage);
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === 'ENOENT') return { outcome: 'gone' };
    if (errno === undefined) throw cause;
    throw unreadablePackage(location, errno, cause);
  }
}

function describeOpened(descriptor: number, newPackage: NewPackage): Description {
  const description = describeContent(descriptor, newPackage);
  const { acknowledged } = newPackage;
  if (acknowledged === undefined) return description;
  // The acknowledged digest may be old: a package that cannot be described may have been damaged since.
  const isRead = description.outcome === 'described';
  const found = isRead ? description.pkgid : digestWhole(descriptor, new Uint8Array(), readSize(descriptor));
  if (found === acknowledged) return description;
  const reason = `its sha256 is ${found}, acknowledged was ${acknowledged}`;
  return { outcome: 'damaged', identity: description.identity, reason };
}

function readSize(descriptor: number): number {
  return Number(fstatSync(descriptor, { bigint: true }).size);
}

function describeContent(
  descriptor: number,
  { location, sha256: knownSha256 }: NewPackage,
): Exclude<Description, { outcome: 'gone' }> {
  const stats = fstatSync(descriptor, { bigint: true });
  const sizeBytes = Number(stats.size);
  const identity = toIdentity(stats);
  let bytes: Uint8Array | undefined;
  try {
    bytes = gatherHeader(sizeBytes, (lengthBytes) => readStart(descriptor, lengthBytes)).bytes;
    const rpm = parseRpm(bytes, sizeBytes);
    verifyHeaderDigests(bytes, rpm);
    const reason = reasonToLeaveOut(rpm, descriptor, sizeBytes);
    if (reason !== undefined) return { outcome: 'left-out', identity, reason };
    const pkgid = knownSha256 ?? digestWhole(descriptor, bytes, sizeBytes);
    const mtimeSeconds = Number(stats.mtimeNs / 1_000_000_000n);
    const xml = renderPackage(rpm, { location, sha256: pkgid, sizeBytes, mtimeSeconds });
    return { outcome: 'described', pkgid, identity, xml };
  } catch (error) {
    if (error instanceof RangeError) return { outcome: 'left-out', identity, reason: TOO_LARGE };
    if (!(error instanceof RpmParseError)) throw error;
    return { outcome: 'left-out', identity, reason: `${error.code}: ${error.message}` };
  } finally {
    if (bytes !== undefined) release(bytes);
  }
}

function reasonToLeaveOut(rpm: RpmPackage, descriptor: number, sizeBytes: number): string | undefined {
  const defect = findIndexDefect(rpm);
  if (defect !== undefined) return explainDefect(defect);
  const { headerRange, digests } = rpm;
  const foundBytes = sizeBytes - headerRange.start;
  if (compareSize(digests, foundBytes) !== 'cut' || isProvenWhole(rpm, descriptor, sizeBytes))
    return undefined;
  return `it is cut: expected ${digests.headerAndPayloadSizeBytes} bytes of header and payload, found ${foundBytes}`;
}

function explainDefect(defect: IndexDefect): string {
  if (defect.kind === 'text') return explainText(defect.text);
  if (defect.kind === 'dependency') return explainDependencyDefect(defect.dependency);
  return `its payload is "${defect.payloadFormat}", which is no package to install`;
}

function explainText({ tag, index, defect }: TextDefect): string {
  const what =
    defect === 'too-long' ? 'more text than readers take' : `a text that XML cannot hold: ${defect}`;
  return `its ${tag} (entry ${index}) has ${what}`;
}

function isProvenWhole({ digests, headerRange }: RpmPackage, descriptor: number, sizeBytes: number): boolean {
  const digest = (algorithm: string, start: number): string =>
    digestFrom(descriptor, createHash(algorithm), start, sizeBytes);
  const algorithms = new Set(digests.payload.map(({ algorithm }) => algorithm));
  const payload = new Map([...algorithms].map((one) => [one, digest(one, headerRange.end)]));
  const hasMd5 = digests.headerAndPayloadMd5 !== undefined;
  const headerAndPayloadMd5 = hasMd5 ? digest('md5', headerRange.start) : undefined;
  return isProvable(digests) && findWrongDigest(digests, { payload, headerAndPayloadMd5 }) === undefined;
}

/** Of the whole file, whose first bytes are read already. */
function digestWhole(descriptor: number, start: Uint8Array, sizeBytes: number): string {
  return digestFrom(descriptor, createHash('sha256').update(start), start.length, sizeBytes);
}

/** The digest of what the hash has seen and the file's bytes from `start` on. */
function digestFrom(descriptor: number, hash: Hash, start: number, sizeBytes: number): string {
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(0, sizeBytes - start)));
  for (let position = start; position < sizeBytes; ) {
    const bytesRead = readInto(descriptor, buffer, position);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
  return hash.digest('hex');
}
