import type { PackageFaultCode } from '../api/package-fault-code.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';
import type { SignatureVerdict } from '../api/signature-verdict.ts';

/** One package in one repository, as it was acknowledged. */
export interface Receipt {
  readonly repository: RepositoryName;
  /** Path below the repository's directory, as in the index: `Packages/<file name>`. */
  readonly location: string;
  readonly sha256: string;
  readonly nevra: string;
  readonly sizeBytes: number;
  readonly placedAtMs: number;
  /** When an index with it was first published; undefined before that. */
  readonly publishedAtMs: number | undefined;
  /** Of the bytes that were sent, when the package was signed here; they then are other bytes than the stored ones. */
  readonly receivedSha256?: string | undefined;
  /** As it was when the package was placed. */
  readonly signature?: SignatureVerdict | undefined;
}

/** A package that is on disk but kept out of the index, because the engine cannot describe it. */
export interface SetAside {
  readonly repository: RepositoryName;
  readonly location: string;
  /** Inode, size and mtime of the file that was refused: another file under this name is tried again. */
  readonly identity: string;
  readonly reason: string;
  readonly sinceMs: number;
}

/** A package that is not described as it lies on disk. See FaultyPackage in indexing/index-engine.ts. */
export interface PackageFault {
  readonly repository: RepositoryName;
  readonly location: string;
  /** Of the file that the fault is about. */
  readonly identity: string;
  readonly code: PackageFaultCode;
  readonly reason: string;
  readonly sinceMs: number;
}

/** A request that was signed with a key, and came now. */
export interface NonceUse {
  readonly keyId: string;
  readonly nonce: string;
  /** After it the nonce may be forgotten. */
  readonly expiresAtMs: number;
  readonly nowMs: number;
}

/** Packages of a repository that have the same fault. */
export interface PackageFaultCount {
  readonly count: number;
  /** In order of location. */
  readonly first: PackageFault;
}

/** What the service remembers beside the packages. Each call that changes several rows changes all of them or none. */
export interface Records {
  /** Fails when the records cannot be written (disk full, read-only). */
  probe(): Promise<void>;

  /** One each package and repository; the later takes the place of the former. */
  saveReceipts(receipts: readonly Receipt[]): Promise<void>;
  /** In order of repository. */
  receiptsOf(sha256: string): Promise<readonly Receipt[]>;
  /** Of a package that had this digest when it was sent, and was signed here; in order of repository. */
  receiptsOfReceived(receivedSha256: string): Promise<readonly Receipt[]>;
  /** Of one package in one repository. */
  receiptAt(repository: RepositoryName, location: string): Promise<Receipt | undefined>;
  /** Every repository that a package was uploaded to. */
  listRepositories(): Promise<readonly RepositoryName[]>;
  /** Of every package that was uploaded to a repository, in order of location. */
  listReceipts(repository: RepositoryName): Promise<readonly Receipt[]>;
  /** The next packages behind a location, in order of location; the first ones behind ''. */
  receiptsAfter(repository: RepositoryName, location: string, count: number): Promise<readonly Receipt[]>;
  /** Location -> sha256 of every package of a repository that was acknowledged. */
  acknowledgedDigests(repository: RepositoryName): Promise<ReadonlyMap<string, string>>;
  /** Notes that an index with these packages (location -> sha256) is public now. */
  markPublished(
    repository: RepositoryName,
    published: ReadonlyMap<string, string>,
    nowMs: number,
  ): Promise<void>;
  /** Forgets the receipts of packages that are no longer there, but for those placed after `untilMs`. */
  forget(repository: RepositoryName, locations: readonly string[], untilMs: number): Promise<void>;

  /** One record each package; the later takes the place of the former. */
  setAside(packages: readonly SetAside[]): Promise<void>;
  /** In order of location. */
  listSetAside(repository: RepositoryName): Promise<readonly SetAside[]>;
  /** Forgets every package set aside in a repository, so that the next run tries them again. */
  takeAllBack(repository: RepositoryName): Promise<void>;
  takeBack(repository: RepositoryName, location: string): Promise<void>;
  /** Why a package is set aside; undefined when it is not. */
  setAsideReason(repository: RepositoryName, location: string): Promise<string | undefined>;

  /** One each package; the later takes the place of the former. */
  savePackageFaults(faults: readonly PackageFault[]): Promise<void>;
  /** Of a repository, in order of location. */
  listPackageFaults(repository: RepositoryName): Promise<readonly PackageFault[]>;
  /** Of each repository and code, in this order. */
  countPackageFaults(): Promise<readonly PackageFaultCount[]>;
  packageFaultAt(repository: RepositoryName, location: string): Promise<PackageFault | undefined>;
  endPackageFaults(repository: RepositoryName, locations: readonly string[]): Promise<void>;

  isNonceUsed(keyId: string, nonce: string): Promise<boolean>;
  /** Notes that a signed request had this nonce. @returns false when one had it before: of several at once one gets true. */
  useNonce(use: NonceUse): Promise<boolean>;

  close(): Promise<void>;
}
