import { renderDependencies } from './dependency-elements.ts';
import type { DescribedPackage, PackageFileFacts } from './described-package.ts';
import { repodataArch, versionElement } from './package-identity.ts';
import type { RenderedFiles } from './render-files.ts';
import { escapeAttribute, textElement } from './xml-text.ts';

/** Source: createrepo_c, src/xml_dump_primary.c, cr_xml_dump_primary_base_items. */
export function renderPrimary(rpm: DescribedPackage, file: PackageFileFacts, files: RenderedFiles): string {
  return (
    `<package type="rpm">\n` +
    textElement('  ', 'name', rpm.name) +
    textElement('  ', 'arch', repodataArch(rpm)) +
    versionElement(rpm) +
    `  <checksum type="sha256" pkgid="YES">${file.sha256}</checksum>\n` +
    textElement('  ', 'summary', rpm.summary) +
    textElement('  ', 'description', rpm.description) +
    textElement('  ', 'packager', rpm.packager) +
    textElement('  ', 'url', rpm.url) +
    `  <time file="${file.mtimeSeconds}" build="${rpm.buildTimeSeconds}"/>\n` +
    `  <size package="${file.sizeBytes}" installed="${rpm.installedSizeBytes}" archive="${rpm.archiveSizeBytes}"/>\n` +
    `  <location href="${escapeAttribute(file.location)}"/>\n` +
    renderFormat(rpm, files) +
    `</package>\n`
  );
}

function renderFormat(rpm: DescribedPackage, files: RenderedFiles): string {
  const { start, end } = rpm.headerRange;
  return (
    `  <format>\n` +
    textElement('    ', 'rpm:license', rpm.license) +
    textElement('    ', 'rpm:vendor', rpm.vendor) +
    textElement('    ', 'rpm:group', rpm.group) +
    textElement('    ', 'rpm:buildhost', rpm.buildHost) +
    textElement('    ', 'rpm:sourcerpm', rpm.sourceRpm) +
    `    <rpm:header-range start="${start}" end="${end}"/>\n` +
    renderDependencies(rpm.dependencies, files.primaryPaths) +
    files.primaryXml +
    `  </format>\n`
  );
}
