import { readChangelogs } from './changelog-list.ts';
import { findDependencyDefect } from './dependency-defect.ts';
import { readDependencies } from './dependency-list.ts';
import { digestAlgorithm } from './digest-algorithm.ts';
import { readFileDigests, readFiles } from './file-list.ts';
import { type Header, parseHeader } from './header.ts';
import { findInstallDefect } from './find-install-defect.ts';
import { measureHeader } from './measure-header.ts';
import { hasSignature, readDigests } from './package-digests.ts';
import { readSignatures } from './package-signatures.ts';
import { RpmParseError } from './rpm-parse-error.ts';
import { isSourcePackage } from './is-source-package.ts';
import type { RpmPackage } from './rpm-package.ts';
import { settleRepeats } from './settle-repeats.ts';
import { SignatureTag, Tag } from './tag.ts';
import { hasTag, readNumber, readOnlyNumber, readText, requireString } from './tag-value.ts';
import { findTextDefects } from './text-defects.ts';

/** The algorithm of FILEDIGESTS without FILEDIGESTALGO: MD5. Source: rpm, lib/rpmfi.cc, rpmfilesPopulate. */
const DEFAULT_FILE_DIGEST = 1;

/** What rpm puts into a binary package that does not say which source it is from. Source: rpm, lib/package.cc, applyRetrofits. */
const NO_SOURCE_RPM = '(none)';

/**
 * Reads what a package says about itself. The lists in the result decode from `bytes` when they are
 * iterated, so the caller must not change or reuse that memory; everything that could fail then has been
 * checked before.
 *
 * Digests are read, not verified: see `verifyHeaderDigests`.
 *
 * @param bytes the file from its first byte up to at least the payload, as `measureHeader` says
 * @param fileSizeBytes size of the whole file
 * @throws RpmParseError with any code but DIGEST_MISMATCH
 */
export function parseRpm(bytes: Uint8Array, fileSizeBytes: number): RpmPackage {
  const extent = measureHeader(bytes, fileSizeBytes);
  if (!extent.isComplete) {
    const expected = `expected the first ${extent.neededBytes} bytes of the package`;
    throw new RpmParseError('TRUNCATED', `${expected}, got ${bytes.length}`, bytes.length);
  }
  const signature = parseHeader(bytes, extent.signatureStart, 'signature');
  const raw = parseHeader(bytes, extent.headerStart, 'main');
  const main = settleRepeats(raw, signature);
  const nameTags = readNameTags(main);
  const isSource = isSourcePackage(main);
  return {
    ...nameTags,
    os: readText(main, Tag.OS),
    isSource,
    isNoSource: isSource && (hasTag(main, Tag.NOSOURCE) || hasTag(main, Tag.NOPATCH)),
    formatMajor: readFormatMajor(main),
    ...readDescription(main),
    sourceRpm: readSourceRpm(main, isSource),
    ...readSizes(signature, main),
    // The defaults of packages older than the tags. Source: rpm, lib/rpmte.cc, rpmtePayload.
    payloadFormat: readText(main, Tag.PAYLOADFORMAT) ?? 'cpio',
    payloadCompressor: readText(main, Tag.PAYLOADCOMPRESSOR) ?? 'gzip',
    headerRange: { start: extent.headerStart, end: extent.payloadStart },
    dependencies: readAllDependencies(main, nameTags, isSource),
    files: readFiles(main),
    fileDigests: readFileDigests(main),
    fileDigestAlgorithm: digestAlgorithm(readNumber(main, Tag.FILEDIGESTALGO) ?? DEFAULT_FILE_DIGEST),
    changelogs: readChangelogs(main),
    // rpm compares digests before it looks for anything, and takes the first of several there.
    digests: readDigests(signature, raw, extent.payloadStart - extent.headerStart),
    isSigned: hasSignature(signature),
    signatures: readSignatures(signature),
    textDefects: findTextDefects(main),
    dependencyDefect: findDependencyDefect(main),
    installDefect: findInstallDefect(main),
  };
}

type NameTags = Pick<RpmPackage, 'name' | 'epoch' | 'version' | 'release' | 'arch'>;

function readNameTags(main: Header): NameTags {
  return {
    name: requireString(main, Tag.NAME),
    epoch: readOnlyNumber(main, Tag.EPOCH),
    version: requireString(main, Tag.VERSION),
    release: requireString(main, Tag.RELEASE),
    arch: requireString(main, Tag.ARCH),
  };
}

/** Source: rpm, lib/package.cc, applyRetrofits (3); docs/manual/format_v6.md (RPMFORMAT). */
function readFormatMajor(main: Header): RpmPackage['formatMajor'] {
  const format = readNumber(main, Tag.RPMFORMAT);
  if (format === undefined) return main.hasRegion && !hasTag(main, Tag.OLDFILENAMES) ? 4 : 3;
  if (format === 4 || format === 6) return format;
  throw new RpmParseError('FORMAT_UNSUPPORTED', `expected RPMFORMAT 4 or 6, found ${format}`, main.start);
}

function readDescription(main: Header) {
  return {
    summary: readText(main, Tag.SUMMARY),
    description: readText(main, Tag.DESCRIPTION),
    group: readText(main, Tag.GROUP),
    license: readText(main, Tag.LICENSE),
    vendor: readText(main, Tag.VENDOR),
    packager: readText(main, Tag.PACKAGER),
    url: readText(main, Tag.URL),
    buildHost: readText(main, Tag.BUILDHOST),
    buildTimeSeconds: readNumber(main, Tag.BUILDTIME) ?? 0,
  };
}

/** 64-bit tags come first. Source: rpm, lib/tagexts.cc, get64; lib/package.cc, xlateTags (PAYLOADSIZE is ARCHIVESIZE). */
function readSizes(signature: Header, main: Header) {
  return {
    installedSizeBytes: readNumber(main, Tag.LONGSIZE) ?? readNumber(main, Tag.SIZE) ?? 0,
    archiveSizeBytes:
      readNumber(signature, SignatureTag.LONGARCHIVESIZE) ??
      readNumber(signature, SignatureTag.PAYLOADSIZE) ??
      readNumber(main, Tag.ARCHIVESIZE) ??
      0,
  };
}

function readSourceRpm(main: Header, isSource: boolean): string | undefined {
  const isRetrofitted = !isSource && !hasTag(main, Tag.SOURCERPM) && !hasTag(main, Tag.SOURCEPACKAGE);
  return isRetrofitted ? NO_SOURCE_RPM : readText(main, Tag.SOURCERPM);
}

function readAllDependencies(
  main: Header,
  nameTags: NameTags,
  isSource: boolean,
): RpmPackage['dependencies'] {
  const epoch = nameTags.epoch === undefined ? '' : `${nameTags.epoch}:`;
  const self = { name: nameTags.name, evr: `${epoch}${nameTags.version}-${nameTags.release}` };
  return {
    provides: readDependencies(main, 'provides', main.hasRegion || isSource ? undefined : self),
    requires: readDependencies(main, 'requires'),
    conflicts: readDependencies(main, 'conflicts'),
    obsoletes: readDependencies(main, 'obsoletes'),
    recommends: readDependencies(main, 'recommends'),
    suggests: readDependencies(main, 'suggests'),
    supplements: readDependencies(main, 'supplements'),
    enhances: readDependencies(main, 'enhances'),
    oldSuggests: readDependencies(main, 'oldSuggests'),
    oldEnhances: readDependencies(main, 'oldEnhances'),
  };
}
