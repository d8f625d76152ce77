/** The three files every repository must have. */
export const PACKAGE_METADATA_TYPES = ['primary', 'filelists', 'other'] as const;

export type PackageMetadataType = (typeof PACKAGE_METADATA_TYPES)[number];

/**
 * Everything in front of the packages: the XML declaration and the start of the root element, with a newline.
 * Source of the elements and namespaces: createrepo_c, src/xml_file.c.
 */
export function openingTag(type: PackageMetadataType, packageCount: number): string {
  const { name, namespaces } = ROOTS[type];
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${name} ${namespaces} packages="${packageCount}">\n`;
}

/** Everything after the packages: the end of the root element, with a newline. */
export function closingTag(type: PackageMetadataType): string {
  return `</${ROOTS[type].name}>\n`;
}

const ROOTS: Readonly<Record<PackageMetadataType, { readonly name: string; readonly namespaces: string }>> = {
  primary: {
    name: 'metadata',
    namespaces:
      'xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm"',
  },
  filelists: { name: 'filelists', namespaces: 'xmlns="http://linux.duke.edu/metadata/filelists"' },
  other: { name: 'otherdata', namespaces: 'xmlns="http://linux.duke.edu/metadata/other"' },
};
