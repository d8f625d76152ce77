import type { DescribedDependencies, DescribedDependency } from './described-package.ts';
import { sortDependencies } from './dependency-rules.ts';
import { comparisonName, splitEvr } from './split-evr.ts';
import { escapeAttribute } from './xml-text.ts';

/**
 * The dependencies of a package as primary has them, without the kinds of which there are none.
 * Source: createrepo_c, src/xml_dump_primary.c, cr_xml_dump_primary_base_items (the order).
 * @param primaryPaths those of the package's own files that primary names
 */
export function renderDependencies(
  dependencies: DescribedDependencies,
  primaryPaths: ReadonlySet<string>,
): string {
  const lists = sortDependencies(dependencies, primaryPaths);
  return (
    renderList('rpm:provides', lists.provides) +
    renderList('rpm:requires', lists.requires) +
    renderList('rpm:conflicts', lists.conflicts) +
    renderList('rpm:obsoletes', lists.obsoletes) +
    renderList('rpm:suggests', lists.suggests) +
    renderList('rpm:enhances', lists.enhances) +
    renderList('rpm:recommends', lists.recommends) +
    renderList('rpm:supplements', lists.supplements)
  );
}

/** Entries without a name are left out. Source: createrepo_c, src/xml_dump_primary.c, cr_xml_dump_primary_dump_pco. */
function renderList(element: string, list: readonly DescribedDependency[]): string {
  if (list.length === 0) return '';
  const withPre = element === 'rpm:requires';
  let entries = '';
  for (const dependency of list) {
    if (dependency.name === '') continue;
    const pre = withPre && dependency.isPre ? ' pre="1"' : '';
    const name = escapeAttribute(dependency.name);
    entries += `      <rpm:entry name="${name}"${versionAttributes(dependency)}${pre}/>\n`;
  }
  if (entries === '') return `    <${element}/>\n`;
  return `    <${element}>\n${entries}    </${element}>\n`;
}

/** A version without a comparison is not written. Source: as above. */
function versionAttributes({ flags, evr }: DescribedDependency): string {
  const comparison = comparisonName(flags);
  if (comparison === undefined) return '';
  const { epoch, version, release } = splitEvr(evr);
  return (
    ` flags="${comparison}"` +
    (epoch === '' ? '' : ` epoch="${escapeAttribute(epoch)}"`) +
    (version === '' ? '' : ` ver="${escapeAttribute(version)}"`) +
    (release === '' ? '' : ` rel="${escapeAttribute(release)}"`)
  );
}
