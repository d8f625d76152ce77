import type { DescribedChangelog, DescribedPackage, PackageFileFacts } from './described-package.ts';
import { packageStartTag, versionElement } from './package-identity.ts';
import { escapeAttribute, escapeText } from './xml-text.ts';

/** Source: createrepo_c, src/cmd_parser.c, DEFAULT_CHANGELOG_LIMIT. */
const CHANGELOG_LIMIT = 10;

/** Source: createrepo_c, src/xml_dump_other.c, cr_xml_dump_other_items. */
export function renderOther(rpm: DescribedPackage, file: PackageFileFacts): string {
  return `${packageStartTag(rpm, file)}${versionElement(rpm)}${renderChangelogs(rpm.changelogs)}</package>\n`;
}

/** The newest entries, the oldest of them first. Source: createrepo_c, src/parsehdr.c, cr_package_from_header. */
function renderChangelogs(changelogs: Iterable<DescribedChangelog>): string {
  const newest = takeNewest(changelogs);
  const times = spreadTimes(newest.map(({ timeSeconds }) => timeSeconds));
  let xml = '';
  for (const [index, { author, text }] of newest.entries()) {
    const attributes = `author="${escapeAttribute(trimAuthor(author))}" date="${times[index]}"`;
    xml = `  <changelog ${attributes}>${escapeText(text)}</changelog>\n${xml}`;
  }
  return xml;
}

function takeNewest(changelogs: Iterable<DescribedChangelog>): readonly DescribedChangelog[] {
  const newest: DescribedChangelog[] = [];
  for (const changelog of changelogs) {
    newest.push(changelog);
    if (newest.length === CHANGELOG_LIMIT) break;
  }
  return newest;
}

/**
 * Makes the newer of two entries with one time a second later, so that readers which sort by time keep their order.
 * Source: createrepo_c, src/parsehdr.c, cr_package_from_header.
 */
function spreadTimes(newestFirst: readonly number[]): readonly number[] {
  const times: number[] = [];
  let lastTime = 0;
  for (const time of newestFirst) {
    if (time === lastTime) {
      let taken = time;
      for (let newer = times.length - 1; times[newer] === taken; newer--) times[newer] = ++taken;
    }
    lastTime = time;
    times.push(time);
  }
  return times;
}

/** Without the spaces at the end, but never without its first character. Source: as above. */
function trimAuthor(author: string): string {
  let end = author.length;
  while (end > 1 && author[end - 1] === ' ') end--;
  return author.slice(0, end);
}
