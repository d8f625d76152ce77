import { AppError } from '../errors.ts';
import type { PackageFaultCode } from '../api/package-fault-code.ts';
import type { PackageFault } from '../storage/records.ts';

/** What to do about each fault of a package. */
export const PACKAGE_FAULT_HINTS: Readonly<Record<PackageFaultCode, string>> = {
  PACKAGE_DAMAGED:
    'Upload the acknowledged package again: it takes the place of the damaged file. Or restore the file from a backup and run "rpmyard reindex"; or remove it, and its receipt and its place in the index end with the next "rpmyard reindex".',
  PACKAGE_UNDESCRIBABLE:
    'Hosts go on installing it. Build it again without what the reason names, and remove this file.',
  PACKAGE_HELD_BACK:
    'Say with "rpmyard reindex --take-over REPO" that it is to be published, or upload it; else move it out of the repository.',
};

/** Packages of one repository with the same fault. */
export interface CountedFault {
  readonly count: number;
  readonly first: PackageFault;
}

/** The packages of a repository that are not described as they lie on disk, for reports of faults. */
export function packageFaultError({ count, first }: CountedFault): AppError {
  const { code, location, reason } = first;
  const others = count === 1 ? '' : ` (and ${count - 1} more; "rpmyard verify" names them)`;
  return new AppError(code, `${location}: ${reason}${others}`, { hint: PACKAGE_FAULT_HINTS[code] });
}
