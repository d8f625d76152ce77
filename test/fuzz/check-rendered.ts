import { checkGroup } from '../../src/rpm/repodata/check-group.ts';
import type { DescribedPackage, PackageFileFacts } from '../../src/rpm/repodata/described-package.ts';
import { closingTag, openingTag, PACKAGE_METADATA_TYPES } from '../../src/rpm/repodata/metadata-envelope.ts';
import { PackageScanner } from '../../src/rpm/repodata/package-scanner.ts';
import { type PackageXml, renderPackage } from '../../src/rpm/repodata/render-package.ts';
import { holds } from './fuzz-target.ts';

/** Renders a package and holds that every reader of ours takes what came out of it for the same package. */
export function checkRendered(rpm: DescribedPackage, file: PackageFileFacts): PackageXml {
  const xml = renderPackage(rpm, file);
  for (const type of PACKAGE_METADATA_TYPES) {
    const expected = { pkgid: file.sha256, location: type === 'primary' ? file.location : undefined };
    holds(isExactly(checkGroup(type, xml[type]), expected), `check-group reads another package in ${type}`);
    const bytes = Buffer.from(`${openingTag(type, 1)}${xml[type]}${closingTag(type)}`);
    const scanner = new PackageScanner();
    const middle = bytes.length >>> 1;
    const scanned = [...scanner.push(bytes.subarray(0, middle)), ...scanner.push(bytes.subarray(middle))];
    holds(isExactly(scanned, expected), `the scanner reads another package in ${type}`);
    holds(scanned[0]?.isReadable === true, `the scanner holds ${type} for not readable`);
    const element = Buffer.from(scanned[0].element);
    holds(element.equals(Buffer.from(xml[type].trimEnd())), `the scanner cuts ${type} elsewhere`);
  }
  return xml;
}

interface Identity {
  readonly pkgid: string;
  readonly location: string | undefined;
}

function isExactly(found: readonly Identity[], expected: Identity): boolean {
  const [one] = found;
  return found.length === 1 && one?.pkgid === expected.pkgid && one.location === expected.location;
}
