import { identityAt } from '../../base/files/file-identity.ts';
import type { PackageFault, Receipt, SetAside } from '../../storage/records.ts';
import { repositoryDirectories } from '../../storage/repository-layout.ts';
import { explainLoss } from '../found-index.ts';
import { checkMetadata } from './check-metadata.ts';
import type { OpenMetadata } from './check-metadata-file.ts';
import { checkPackageBytes } from './check-package-bytes.ts';
import { compareWithIndex, type PackageFindings } from './compare-with-index.ts';
import { compareReceipts } from './compare-receipts.ts';
import { checkGenerations, type SigningParts } from './check-generations.ts';
import { findLinkedDirectories } from './find-linked-directories.ts';
import { findOtherFiles } from './find-other-files.ts';
import { readStoredFiles, type FileOnDisk } from './stored-files.ts';
import type { Finding } from '../violation.ts';
import type { RepositoryName } from '../../rpm/repository-name.ts';

/** The records of the service about a repository. */
export interface VerifyRecords {
  receipts(repository: RepositoryName): readonly Receipt[];
  setAside(repository: RepositoryName): readonly SetAside[];
  packageFaults(repository: RepositoryName): readonly PackageFault[];
  /** True while an index run of the repository is due. Asked after its packages were listed. */
  isMarked(repository: RepositoryName): Promise<boolean>;
}

/** Where the facts come from. */
export interface VerifyParts {
  readonly directoryOf: (repository: RepositoryName) => string;
  /** The location of every package of a repository. */
  readonly listPackages: (repository: RepositoryName) => Promise<readonly string[]>;
  readonly records: VerifyRecords;
  /** Undefined when nothing is signed. */
  readonly signing: SigningParts | undefined;
  /** Whether the service made the index in a directory. */
  readonly isOwnIndex: (repositoryDir: string) => Promise<boolean>;
  readonly openMetadata: OpenMetadata;
}

export interface VerifyOptions {
  /** Reads every package too: its digest and its header. */
  readonly readData: boolean;
  readonly signal?: AbortSignal;
}

/** What one look at a repository finds. */
export interface RepositoryCheck {
  /** Files on disk. */
  readonly packageCount: number;
  /** Packages in the index; undefined when it cannot be read. */
  readonly indexedCount: number | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Compares a repository's index, packages and records once.
 * @param repomdXml as it was read just before; undefined when there is none.
 */
export async function checkRepository(
  repository: RepositoryName,
  repomdXml: string | undefined,
  by: { readonly parts: VerifyParts; readonly options: VerifyOptions },
): Promise<RepositoryCheck> {
  const { parts, options } = by;
  const { signal } = options;
  const repositoryDir = parts.directoryOf(repository);
  // Records first: a package is linked before its receipt is written, so each must be on disk.
  const receipts = parts.records.receipts(repository);
  const files = await readStoredFiles(repositoryDir, await parts.listPackages(repository));
  const aside = currentlyAside(parts.records.setAside(repository), files);
  const faults = currentFaults(parts.records.packageFaults(repository), files);
  const isMarked = await parts.records.isMarked(repository);
  const metadata = await checkMetadata(repomdXml, {
    repositoryDir,
    openMetadata: parts.openMetadata,
    signal,
  });
  const isOwn = await parts.isOwnIndex(repositoryDir);
  const facts: PackageFindings = {
    files,
    aside,
    faults,
    acknowledged: new Set(receipts.map(({ location }) => location)),
    reasonToLeave: isOwn ? undefined : (named) => explainLoss(named, repositoryDir),
    indexed: metadata.indexed,
    isMarked,
  };
  const findings = [
    ...(await findLinkedDirectories(repositoryDir, repositoryDirectories(repositoryDir))),
    ...metadata.findings,
    ...compareWithIndex(facts),
    ...compareReceipts(receipts, facts),
    ...(await checkGenerations(repositoryDir, parts.signing)),
    ...(await findOtherFiles(repositoryDir, metadata.repomd)),
  ];
  if (options.readData) {
    const { indexed } = metadata;
    // What is set aside or faulty is known to be no sound package, and reported as that.
    const isKnown = new Set([...aside.keys(), ...faults.map(({ location }) => location)]);
    const read = files.filter(({ location }) => !isKnown.has(location));
    for await (const finding of checkPackageBytes(read, { indexed, receipts, signal }))
      findings.push(finding);
  }
  return {
    findings: withoutConsequences(findings),
    packageCount: files.length,
    indexedCount: metadata.indexed?.size,
  };
}

/** What these say of a file explains all else that is found of it. */
const EXPLAINS: ReadonlySet<Finding['code']> = new Set([
  'PACKAGE_DAMAGED',
  'PACKAGE_UNDESCRIBABLE',
  'PACKAGE_HELD_BACK',
  'WOULD_LEAVE_INDEX',
]);

/** Each fault of a file is reported once. */
function withoutConsequences(findings: readonly Finding[]): readonly Finding[] {
  const explanations = new Map<string, Finding>();
  for (const finding of findings) {
    if (EXPLAINS.has(finding.code) && !explanations.has(finding.subject)) {
      explanations.set(finding.subject, finding);
    }
  }
  return findings.filter((finding) => (explanations.get(finding.subject) ?? finding) === finding);
}

/** Another file under the name of a faulty one has no fault yet. */
function currentFaults(
  faults: readonly PackageFault[],
  files: readonly FileOnDisk[],
): readonly PackageFault[] {
  const paths = new Map(files.map(({ location, path }) => [location, path]));
  return faults.filter(({ location, identity, code }) => {
    const path = paths.get(location);
    return path !== undefined && (code === 'PACKAGE_HELD_BACK' || identityAt(path) === identity);
  });
}

/** A record is about one file: another one under its name belongs into the index. */
function currentlyAside(
  records: readonly SetAside[],
  files: readonly FileOnDisk[],
): ReadonlyMap<string, SetAside> {
  const paths = new Map(files.map(({ location, path }) => [location, path]));
  const aside = new Map<string, SetAside>();
  for (const record of records) {
    const path = paths.get(record.location);
    if (path === undefined || identityAt(path) !== record.identity) continue;
    aside.set(record.location, record);
  }
  return aside;
}
