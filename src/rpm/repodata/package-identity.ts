import type { DescribedPackage, PackageFileFacts } from './described-package.ts';
import { escapeAttribute } from './xml-text.ts';

/**
 * The arch that repodata gives a package: `src` for every source package, also for one that leaves out some of its sources.
 * Source: createrepo_c, src/parsehdr.c, cr_package_from_header.
 */
export function repodataArch(rpm: DescribedPackage): string {
  return rpm.isSource ? 'src' : rpm.arch;
}

/** An absent epoch is written as 0. Source: createrepo_c, src/parsehdr.c, cr_package_from_header. */
export function versionElement({ epoch = 0, version, release }: DescribedPackage): string {
  return `  <version epoch="${epoch}" ver="${escapeAttribute(version)}" rel="${escapeAttribute(release)}"/>\n`;
}

/** How a package begins in filelists and other. Source: createrepo_c, src/xml_dump_filelists.c and src/xml_dump_other.c. */
export function packageStartTag(rpm: DescribedPackage, file: PackageFileFacts): string {
  const name = escapeAttribute(rpm.name);
  return `<package pkgid="${file.sha256}" name="${name}" arch="${escapeAttribute(repodataArch(rpm))}">\n`;
}
