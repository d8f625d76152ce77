import type { FoundMetadata, SurveyedPackage, Survey } from '../../src/intake/survey.ts';
import { repo } from './repo.ts';

/** A found package; the path gives what is left out. */
export function found(path: string, fields: Partial<SurveyedPackage> = {}): SurveyedPackage {
  const fileName = path.slice(path.lastIndexOf('/') + 1);
  return {
    path,
    identity: path,
    sizeBytes: 1000,
    sha256: `sha256 of ${path}`,
    nevra: fileName.replace(/\.rpm$/, ''),
    isNoarch: false,
    releasever: undefined,
    keptIn: undefined,
    taggedReleasever: undefined,
    repositories: [repo('9/x86_64')],
    location: `Packages/${fileName}`,
    laidIn: undefined,
    isInTree: false,
    isInPlace: false,
    isLinkable: true,
    warnings: [],
    ...fields,
  };
}

export function foundMetadata(path: string, fields: Partial<FoundMetadata> = {}): FoundMetadata {
  const directory = path.includes('/repodata/') ? path.slice(0, path.indexOf('/repodata/')) : '';
  return {
    directory,
    type: 'group',
    path,
    identity: path,
    sizeBytes: 100,
    openSha256: `content of ${path}`,
    ...fields,
  };
}

export function surveyOf(fields: Partial<Survey>): Survey {
  return {
    root: '/old',
    packages: [],
    metadata: [],
    indexed: [],
    refusals: [],
    links: [],
    missing: [],
    unnamed: [],
    deltas: [],
    leftOutTypes: [],
    tags: [],
    hiddenCount: 0,
    otherCount: 0,
    ...fields,
  };
}
