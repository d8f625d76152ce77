/** What may be wrong with a package on disk while the index says of it what it said before, or nothing. */
export const PACKAGE_FAULT_CODES = ['PACKAGE_DAMAGED', 'PACKAGE_UNDESCRIBABLE', 'PACKAGE_HELD_BACK'] as const;

export type PackageFaultCode = (typeof PACKAGE_FAULT_CODES)[number];
