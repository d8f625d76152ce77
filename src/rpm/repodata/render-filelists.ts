import type { DescribedPackage, PackageFileFacts } from './described-package.ts';
import { packageStartTag, versionElement } from './package-identity.ts';
import type { RenderedFiles } from './render-files.ts';

/** Source: createrepo_c, src/xml_dump_filelists.c, cr_xml_dump_filelists_items. */
export function renderFilelists(rpm: DescribedPackage, file: PackageFileFacts, files: RenderedFiles): string {
  return `${packageStartTag(rpm, file)}${versionElement(rpm)}${files.filelistsXml}</package>\n`;
}
