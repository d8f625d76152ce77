import type { DescribedFile } from './described-package.ts';
import { escapeText } from './xml-text.ts';

/** The file elements of a package, without indentation, and which of its paths primary names. */
export interface RenderedFiles {
  readonly filelistsXml: string;
  readonly primaryXml: string;
  readonly primaryPaths: ReadonlySet<string>;
}

/** Source: createrepo_c, src/xml_dump.c, cr_xml_dump_files; the indentation is that of the element around them. */
export function renderFiles(files: Iterable<DescribedFile>): RenderedFiles {
  const primaryPaths = new Set<string>();
  let filelistsXml = '';
  let primaryXml = '';
  for (const { path, kind } of files) {
    const element = `${START_TAGS[kind]}${escapeText(path)}</file>\n`;
    filelistsXml += `  ${element}`;
    if (!isPrimaryPath(path)) continue;
    primaryXml += `    ${element}`;
    primaryPaths.add(path);
  }
  return { filelistsXml, primaryXml, primaryPaths };
}

const START_TAGS: Readonly<Record<DescribedFile['kind'], string>> = {
  file: '<file>',
  dir: '<file type="dir">',
  ghost: '<file type="ghost">',
};

/** Whether primary names the file, for the requires that most packages have. Source: createrepo_c, src/misc.h, cr_is_primary. */
function isPrimaryPath(path: string): boolean {
  return path.startsWith('/etc/') || path.includes('bin/') || path === '/usr/lib/sendmail';
}
