/** The three files every repository must have. */
export const PACKAGE_METADATA_TYPES = ['primary', 'filelists', 'other'] as const;

export type PackageMetadataType = (typeof PACKAGE_METADATA_TYPES)[number];

/**
 * primary, filelists and other of a repository without packages.
 * Source of the elements and namespaces: createrepo_c, src/xml_file.c.
 */
export function renderEmptyMetadata(type: PackageMetadataType): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${ROOTS[type]}\n`;
}

const ROOTS: Readonly<Record<PackageMetadataType, string>> = {
  primary:
    '<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="0">\n</metadata>',
  filelists: '<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="0">\n</filelists>',
  other: '<otherdata xmlns="http://linux.duke.edu/metadata/other" packages="0">\n</otherdata>',
};
