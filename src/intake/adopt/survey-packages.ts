import { type BigIntStats, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, errnoOf, toAppError } from '../../errors.ts';
import { toIdentity } from '../../base/files/file-identity.ts';
import { findPackageWarnings } from '../find-package-warnings.ts';
import type { InspectedPackage } from '../inspect-package.ts';
import { locateSource } from './file-of.ts';
import { type NameRules, recogniseDirectory } from './recognise-directory.ts';
import { type RouteRules, routePackage } from './route-package.ts';
import type { SurveyedPackage, RefusedFile } from '../survey.ts';
import { workThrough } from './work-through.ts';
import type { Target } from '../../storage/repository-layout.ts';
import type { RepositoryName } from '../../rpm/repository-name.ts';
import { formatNevra } from '../../rpm/nevra.ts';

export interface PackageSurveyParts {
  /** As an upload is inspected. @throws AppError. */
  readonly inspect: (path: string, sizeBytes: number) => Promise<InspectedPackage>;
  readonly names: NameRules;
  readonly routing: RouteRules;
  /** Keeps the rules of its repositories on signatures. @throws AppError PACKAGE_*, SIGNING_*. */
  readonly checkSignature: (
    path: string,
    inspected: InspectedPackage,
    repositories: readonly RepositoryName[],
  ) => Promise<void>;
  /** Where a package lies in the tree. */
  readonly pathOf: (target: Target) => string;
  readonly isLinkable: (path: string, stats: BigIntStats) => boolean;
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
}

export interface SurveyedPackages {
  /** In order of path. */
  readonly packages: readonly SurveyedPackage[];
  readonly refusals: readonly RefusedFile[];
}

// The hashing is done by a thread a core; some more files at a time keep the disk busy meanwhile.
const CONCURRENCY = 4;

/**
 * Inspects each of these files as an upload would be.
 * @param files `linked`: where those of the paths that are symbolic links lead.
 */
export async function surveyPackages(
  root: string,
  files: { readonly paths: readonly string[]; readonly linked: ReadonlyMap<string, string> },
  parts: PackageSurveyParts,
): Promise<SurveyedPackages> {
  const { paths, linked } = files;
  const packages: SurveyedPackage[] = [];
  const refusals: RefusedFile[] = [];
  const { onProgress } = parts;
  await workThrough(paths, { concurrency: CONCURRENCY, onProgress }, async (path) => {
    try {
      const realPath = linked.get(path);
      packages.push(await lookAt(root, { path, ...(realPath !== undefined && { realPath }) }, parts));
    } catch (error) {
      refusals.push(toRefusedFile(path, error));
    }
  });
  return { packages: inOrder(packages), refusals: inOrder(refusals) };
}

/** Of a regular file: device, inode, size and mtime. */
export function identifySource(stats: BigIntStats): string {
  return `${stats.dev}-${toIdentity(stats)}`;
}

/** The refusal of a file, in the words of a report. */
export function toRefusedFile(path: string, error: unknown): RefusedFile {
  const errno = errnoOf(error);
  const known =
    errno === undefined || error instanceof AppError
      ? toAppError(error)
      : unreadable(`it cannot be read (${errno})`);
  const { code, message, hint } = known;
  return { path, code, message, hint };
}

/** The error for a file that cannot be read as a package. */
export function unreadable(reason: string): AppError {
  return new AppError('NOT_FOUND', reason, { hint: 'Look at the file and at your rights.' });
}

async function lookAt(
  root: string,
  at: Pick<SurveyedPackage, 'path' | 'realPath'>,
  parts: PackageSurveyParts,
): Promise<SurveyedPackage> {
  const { path } = at;
  const absolute = locateSource(root, at);
  const stats = lstatSync(absolute, { bigint: true });
  if (!stats.isFile()) throw unreadable('it is no regular file');
  const sizeBytes = Number(stats.size);
  const inspected = await parts.inspect(absolute, sizeBytes);
  const { rpm, nevra, sha256 } = inspected;
  const named = recogniseDirectory(root, path, parts.names);
  const { targets, releasever, keptIn, taggedReleasever } = routePackage(rpm, named, parts.routing);
  const repositories = targets.map(({ repository }) => repository);
  // What each of its repositories has already was accepted before; were it another file, that is a conflict.
  if (!targets.every((target) => hasSize(parts.pathOf(target), stats.size))) {
    await parts.checkSignature(absolute, inspected, repositories);
  }
  return {
    ...at,
    identity: identifySource(stats),
    sizeBytes,
    sha256,
    nevra: formatNevra(nevra),
    isNoarch: !rpm.isSource && rpm.arch === 'noarch',
    releasever,
    keptIn,
    taggedReleasever,
    repositories,
    location: targets[0]?.location ?? '',
    laidIn: named?.repository,
    isInTree: join(root, path).startsWith(`${parts.names.topDir}/`),
    isInPlace: targets.some((target) => parts.pathOf(target) === join(root, path)),
    isLinkable: parts.isLinkable(absolute, stats),
    warnings: findPackageWarnings(rpm, repositories),
  };
}

function hasSize(path: string, sizeBytes: bigint): boolean {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats !== undefined && stats.isFile() && stats.size === sizeBytes;
}

function inOrder<T extends { readonly path: string }>(list: readonly T[]): readonly T[] {
  return list.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
