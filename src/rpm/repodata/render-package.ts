import type { DescribedPackage, PackageFileFacts } from './described-package.ts';
import { renderFiles } from './render-files.ts';
import { renderFilelists } from './render-filelists.ts';
import { renderOther } from './render-other.ts';
import { renderPrimary } from './render-primary.ts';

export type { DescribedPackage, PackageFileFacts } from './described-package.ts';

/** A package's elements for the three files, each `<package ...>...</package>` and a newline. */
export interface PackageXml {
  readonly primary: string;
  readonly filelists: string;
  readonly other: string;
}

/**
 * Writes what repodata says of a package, byte for byte as createrepo_c 0.17.3 does; docs/decisions has the record of where
 * it does not. The result is well-formed whatever the texts hold.
 * Source of the format: createrepo_c, src/parsehdr.c (what is said) and src/xml_dump*.c (how).
 * @throws RangeError when one of the three would be longer than a string can be, half a GiB; a header of 256 MiB can hold
 *   that much once it is escaped
 */
export function renderPackage(rpm: DescribedPackage, file: PackageFileFacts): PackageXml {
  const files = renderFiles(rpm.files);
  return {
    primary: renderPrimary(rpm, file, files),
    filelists: renderFilelists(rpm, file, files),
    other: renderOther(rpm, file),
  };
}
