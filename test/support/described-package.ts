import type {
  DescribedDependency,
  DescribedPackage,
  PackageFileFacts,
} from '../../src/rpm/repodata/described-package.ts';

/** A package without anything in its lists, but for what is given. */
export function describedPackage(
  given: Partial<Omit<DescribedPackage, 'dependencies'>> & {
    readonly dependencies?: Partial<DescribedPackage['dependencies']>;
  } = {},
): DescribedPackage {
  return {
    name: 'example',
    epoch: undefined,
    version: '1.0',
    release: '1.el9',
    arch: 'x86_64',
    isSource: false,
    summary: 'An example',
    description: 'An example.',
    group: undefined,
    license: 'MIT',
    vendor: undefined,
    packager: undefined,
    url: undefined,
    buildHost: undefined,
    sourceRpm: undefined,
    buildTimeSeconds: 1_700_000_000,
    installedSizeBytes: 5,
    archiveSizeBytes: 6,
    headerRange: { start: 280, end: 1000 },
    files: [],
    changelogs: [],
    ...given,
    dependencies: {
      provides: [],
      requires: [],
      conflicts: [],
      obsoletes: [],
      recommends: [],
      suggests: [],
      supplements: [],
      enhances: [],
      oldSuggests: [],
      oldEnhances: [],
      ...given.dependencies,
    },
  };
}

export const PACKAGE_FILE: PackageFileFacts = {
  location: 'Packages/example-1.0-1.el9.x86_64.rpm',
  sha256: 'ab'.repeat(32),
  sizeBytes: 2000,
  mtimeSeconds: 1_700_000_001,
};

export function dependency(name: string, flags = 0, evr = '', isPre = false): DescribedDependency {
  return { name, flags, evr, isPre };
}
