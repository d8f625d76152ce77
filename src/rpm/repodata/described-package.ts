/** One dependency as the three values in the header say it. */
export interface DescribedDependency {
  readonly name: string;
  /** The sense bits as they are in the header. */
  readonly flags: number;
  /** `[epoch:]version[-release]`, empty when any version will do. */
  readonly evr: string;
  /** Needed before or after the package's scriptlets run, not only in the end. */
  readonly isPre: boolean;
}

export interface DescribedFile {
  readonly path: string;
  readonly kind: 'file' | 'dir' | 'ghost';
}

export interface DescribedChangelog {
  readonly author: string;
  readonly timeSeconds: number;
  readonly text: string;
}

export interface DescribedDependencies {
  readonly provides: Iterable<DescribedDependency>;
  readonly requires: Iterable<DescribedDependency>;
  readonly conflicts: Iterable<DescribedDependency>;
  readonly obsoletes: Iterable<DescribedDependency>;
  readonly recommends: Iterable<DescribedDependency>;
  readonly suggests: Iterable<DescribedDependency>;
  readonly supplements: Iterable<DescribedDependency>;
  readonly enhances: Iterable<DescribedDependency>;
  /** The weak dependencies of SUSE and Mageia before rpm 4.12 had its own. */
  readonly oldSuggests: Iterable<DescribedDependency>;
  readonly oldEnhances: Iterable<DescribedDependency>;
}

/** A package for repodata, as the package describes itself. */
export interface DescribedPackage {
  readonly name: string;
  readonly epoch: number | undefined;
  readonly version: string;
  readonly release: string;
  /** The tag's value; of a source package the architecture it was built on. */
  readonly arch: string;
  readonly isSource: boolean;
  readonly summary: string | undefined;
  readonly description: string | undefined;
  readonly group: string | undefined;
  readonly license: string | undefined;
  readonly vendor: string | undefined;
  readonly packager: string | undefined;
  readonly url: string | undefined;
  readonly buildHost: string | undefined;
  readonly sourceRpm: string | undefined;
  /** 0 without the tag, as the two sizes. */
  readonly buildTimeSeconds: number;
  readonly installedSizeBytes: number;
  readonly archiveSizeBytes: number;
  /** The main header in the file: its first byte, and the first byte after it. */
  readonly headerRange: { readonly start: number; readonly end: number };
  readonly dependencies: DescribedDependencies;
  readonly files: Iterable<DescribedFile>;
  /** Newest first. */
  readonly changelogs: Iterable<DescribedChangelog>;
}

/** What the package's file alone tells. */
export interface PackageFileFacts {
  /** Path below the repository's directory. */
  readonly location: string;
  /** Lower-case hex; the pkgid. */
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
}
