import type { PackageFault, SetAside } from '../../storage/records.ts';
import type { IndexedPackages } from './check-metadata.ts';
import type { PrimaryPackage } from './package-metadata-reader.ts';
import { modeFinding } from './file-mode.ts';
import type { FileOnDisk } from './stored-files.ts';
import type { Finding } from '../violation.ts';

/** What a check found of one repository's packages, at one moment. */
export interface PackageFindings {
  readonly files: readonly FileOnDisk[];
  /** Those whose record is about the file that is there now, by location. */
  readonly aside: ReadonlyMap<string, SetAside>;
  /** What the service knows to be wrong with the file that is there now. */
  readonly faults: readonly PackageFault[];
  /** Locations of what was uploaded here. */
  readonly acknowledged: ReadonlySet<string>;
  /** Why a run would not take a package; undefined for an index that this service published. */
  readonly reasonToLeave: ((indexed: PrimaryPackage) => string) | undefined;
  /** Undefined when no primary could be read. */
  readonly indexed: IndexedPackages | undefined;
  /** True while an index run is due: then files may be there that no index describes yet. */
  readonly isMarked: boolean;
}

/** Compares the packages on disk, but those set aside, with the index. */
export function compareWithIndex(facts: PackageFindings): readonly Finding[] {
  const { files, aside, indexed } = facts;
  const findings = files.flatMap((file) => [...present(modeFinding(file.location, file.mode))]);
  for (const { location, reason } of aside.values()) {
    if (indexed?.has(location) === true) continue;
    findings.push({ code: 'PACKAGE_SET_ASIDE', subject: location, detail: reason });
  }
  if (indexed === undefined) return findings;
  for (const { code, location, reason } of facts.faults) {
    findings.push({ code, subject: location, detail: reason });
  }
  const onDisk = new Set(files.map(({ location }) => location));
  for (const described of indexed.values()) {
    if (onDisk.has(described.location)) continue;
    findings.push(notOnDisk(described, facts));
  }
  findings.push(...findTwins(indexed));
  return [...findings, ...files.flatMap((file) => present(compareFile(file, facts, indexed)))];
}

function notOnDisk(described: PrimaryPackage, { reasonToLeave }: PackageFindings): Finding {
  const { location: subject } = described;
  if (reasonToLeave === undefined) {
    return { code: 'PACKAGE_NOT_ON_DISK', subject, detail: 'the index describes it, and there is no file' };
  }
  const detail = `the index of another program names it, and ${reasonToLeave(described)}`;
  return { code: 'WOULD_LEAVE_INDEX', subject, detail };
}

/** One NEVRA at several locations. */
function findTwins(indexed: IndexedPackages): readonly Finding[] {
  const byNevra = new Map<string, PrimaryPackage>();
  const findings: Finding[] = [];
  for (const one of indexed.values()) {
    const first = byNevra.get(one.nevraKey);
    if (first === undefined) {
      byNevra.set(one.nevraKey, one);
      continue;
    }
    const bytes = first.pkgid.hex === one.pkgid.hex ? 'the same bytes' : 'other bytes';
    const detail = `${one.nevraKey} lies at ${first.location} too, with ${bytes}`;
    findings.push({ code: 'NEVRA_TWICE', subject: one.location, detail });
  }
  return findings;
}

function compareFile(
  { location, sizeBytes }: FileOnDisk,
  { aside, faults, acknowledged, reasonToLeave, isMarked }: PackageFindings,
  indexed: IndexedPackages,
): Finding | undefined {
  // Reported already.
  if (faults.some((fault) => fault.location === location)) return undefined;
  const described = indexed.get(location);
  if (aside.has(location)) {
    if (described === undefined) return undefined;
    return { code: 'SET_ASIDE_IN_INDEX', subject: location, detail: 'it is set aside and in the index' };
  }
  // One that names nothing says of no package that it is to be left out; a run publishes them.
  const isFound = reasonToLeave !== undefined && indexed.size > 0;
  if (described === undefined && isFound && !acknowledged.has(location)) {
    const detail = 'the index of another program, which was found here, does not name it';
    return { code: 'PACKAGE_HELD_BACK', subject: location, detail };
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
