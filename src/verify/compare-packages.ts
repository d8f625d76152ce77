import type { SetAside } from '../records/records.ts';
import type { IndexedPackages } from './check-metadata.ts';
import { modeFinding } from './file-mode.ts';
import type { StoredFile } from './stored-files.ts';
import type { Finding } from './violation.ts';

/** What was found of one repository's packages, at one moment. */
export interface PackageFacts {
  readonly files: readonly StoredFile[];
  /** Those whose record is about the file that is there now, by location. */
  readonly aside: ReadonlyMap<string, SetAside>;
  /** Undefined when no primary could be read. */
  readonly indexed: IndexedPackages | undefined;
  /** True while an index run is due: then files may be there that no index describes yet. */
  readonly isMarked: boolean;
}

/** Compares the packages on disk, but those set aside, with the index. */
export function comparePackages(facts: PackageFacts): readonly Finding[] {
  const { files, aside, indexed } = facts;
  const findings = files.flatMap((file) => [...present(modeFinding(file.location, file.mode))]);
  for (const { location, reason } of aside.values()) {
    if (indexed?.has(location) === true) continue;
    findings.push({ code: 'PACKAGE_SET_ASIDE', subject: location, detail: reason });
  }
  if (indexed === undefined) return findings;
  const onDisk = new Set(files.map(({ location }) => location));
  for (const location of indexed.keys()) {
    if (onDisk.has(location)) continue;
    findings.push({
      code: 'PACKAGE_NOT_ON_DISK',
      subject: location,
      detail: 'the index describes it, and there is no file',
    });
  }
  return [...findings, ...files.flatMap((file) => present(compareFile(file, facts, indexed)))];
}

function compareFile(
  { location, sizeBytes }: StoredFile,
  { aside, isMarked }: PackageFacts,
  indexed: IndexedPackages,
): Finding | undefined {
  const described = indexed.get(location);
  if (aside.has(location)) {
    if (described === undefined) return undefined;
    return { code: 'SET_ASIDE_IN_INDEX', subject: location, detail: 'it is set aside and in the index' };
  }
  if (described === undefined) {
    return isMarked
      ? { code: 'INDEX_PENDING', subject: location, detail: 'an index run is due that describes it' }
      : { code: 'INDEX_LACKS_PACKAGE', subject: location, detail: 'the index does not describe it' };
  }
  if (described.sizeBytes === undefined || described.sizeBytes === sizeBytes) return undefined;
  const detail = `the file has ${sizeBytes} bytes, the index says ${described.sizeBytes}`;
  return { code: 'PACKAGE_SIZE_WRONG', subject: location, detail };
}

function present(finding: Finding | undefined): readonly Finding[] {
  return finding === undefined ? [] : [finding];
}
