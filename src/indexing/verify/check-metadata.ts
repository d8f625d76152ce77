import { join, normalize } from 'node:path';
import { PACKAGE_METADATA_TYPES, type PackageMetadataType } from '../../rpm/repodata/metadata-envelope.ts';
import { parseRepomd, type Repomd, type RepomdData } from '../../rpm/repodata/repomd.ts';
import { checkMetadataFile, type OpenMetadata } from './check-metadata-file.ts';
import { comparePkgids, type PkgidCounts } from './compare-pkgids.ts';
import { entryStats } from './entry-stats.ts';
import { modeFinding } from './file-mode.ts';
import { PackageMetadataReader, type PrimaryPackage } from './package-metadata-reader.ts';
import type { Finding } from '../violation.ts';

/** Location -> package, as primary describes it. */
export type IndexedPackages = ReadonlyMap<string, PrimaryPackage>;

export interface MetadataCheck {
  readonly findings: readonly Finding[];
  /** Undefined when no primary could be read: then nothing can be said of the packages. */
  readonly indexed: IndexedPackages | undefined;
  /** Undefined when repomd.xml could not be read. */
  readonly repomd: Repomd | undefined;
}

interface MetadataSource {
  readonly repositoryDir: string;
  readonly openMetadata: OpenMetadata;
  readonly signal: AbortSignal | undefined;
}

const REPOMD = 'repodata/repomd.xml';

/** Checks repomd.xml, each file it names, and that primary, filelists and other describe the same packages. */
export async function checkMetadata(
  repomdXml: string | undefined,
  source: MetadataSource,
): Promise<MetadataCheck> {
  if (repomdXml === undefined) return unreadable('METADATA_MISSING', 'the repository has no index');
  let repomd: Repomd;
  try {
    repomd = parseRepomd(repomdXml);
  } catch (error) {
    return unreadable('METADATA_NOT_XML', error instanceof Error ? error.message : String(error));
  }
  let findings = await checkRepomdMode(source.repositoryDir);
  for (const data of repomd.data.filter(({ type }) => !isPackageMetadata(type))) {
    const check = await checkMetadataFile({ ...source, data, reader: undefined });
    findings = [...findings, ...check.findings.map(asForeign)];
  }
  const indexed = new Map<string, PrimaryPackage>();
  const pkgids = new Map<PackageMetadataType, PkgidCounts>();
  for (const type of PACKAGE_METADATA_TYPES) {
    const data = repomd.data.find((named) => named.type === type);
    const check = await checkPackageMetadata(data, type, { source, indexed });
    findings = [...findings, ...check.findings];
    if (check.pkgids !== undefined) pkgids.set(type, check.pkgids);
  }
  findings = [...findings, ...comparePkgids(repomd, pkgids)];
  return { findings, indexed: pkgids.has('primary') ? indexed : undefined, repomd };
}

function unreadable(code: Finding['code'], detail: string): MetadataCheck {
  return { findings: [{ code, subject: REPOMD, detail }], indexed: undefined, repomd: undefined };
}

async function checkRepomdMode(repositoryDir: string): Promise<readonly Finding[]> {
  const stats = await entryStats(join(repositoryDir, REPOMD));
  const finding = stats && modeFinding(REPOMD, stats.mode);
  return finding === undefined ? [] : [finding];
}

function isPackageMetadata(type: string): boolean {
  return PACKAGE_METADATA_TYPES.some((known) => known === type);
}

/** An index run keeps the file of others as it is, so the remedy is another. */
function asForeign({ code, subject, detail }: Finding): Finding {
  return { code: code === 'FILE_MODE_WRONG' ? code : 'FOREIGN_METADATA_WRONG', subject, detail };
}

interface PackageMetadataCheck {
  readonly findings: readonly Finding[];
  /** How often each pkgid comes; undefined when the file could not be read. */
  readonly pkgids: PkgidCounts | undefined;
}

async function checkPackageMetadata(
  data: RepomdData | undefined,
  type: PackageMetadataType,
  to: { readonly source: MetadataSource; readonly indexed: Map<string, PrimaryPackage> },
): Promise<PackageMetadataCheck> {
  if (data === undefined) {
    const detail = `it names no ${type}`;
    return { findings: [{ code: 'METADATA_MISSING', subject: REPOMD, detail }], pkgids: undefined };
  }
  const pkgids = new Map<string, number>();
  const twice: Finding[] = [];
  const reader = new PackageMetadataReader(type, ({ pkgid, primary }) => {
    pkgids.set(pkgid, (pkgids.get(pkgid) ?? 0) + 1);
    if (primary === undefined) return;
    // Hosts take ./a.rpm for a.rpm.
    const location = normalize(primary.location);
    if (to.indexed.has(location)) twice.push(namedTwice(data.href, location));
    to.indexed.set(location, { ...primary, location });
  });
  const { findings, isRead } = await checkMetadataFile({ ...to.source, data, reader });
  if (!isRead) return { findings, pkgids: undefined };
  if (reader.fault !== undefined) {
    const fault: Finding = { code: 'METADATA_NOT_XML', subject: data.href, detail: reader.fault };
    return { findings: [...findings, fault], pkgids: undefined };
  }
  return { findings: [...findings, ...twice, ...checkCount(data.href, reader)], pkgids };
}

function namedTwice(subject: string, location: string): Finding {
  return { code: 'LOCATION_TWICE', subject, detail: `it describes ${location} more than once` };
}

function checkCount(
  subject: string,
  { statedCount, packageCount }: PackageMetadataReader,
): readonly Finding[] {
  if (statedCount === packageCount) return [];
  const detail = `its opening tag says ${statedCount ?? 'nothing of'} packages, it describes ${packageCount}`;
  return [{ code: 'PACKAGE_COUNT_WRONG', subject, detail }];
}
