import { isUtf8 } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { PackageXml } from '../../src/rpm/repodata/render-package.ts';
import type { PackageMetadataType } from '../../src/rpm/repodata/metadata-envelope.ts';

/**
 * Has createrepo_c index all packages below a directory.
 * @param outputDir where `repodata/` with gzipped metadata goes
 * @param locale rpm hands out translated texts in the language of its environment
 * @returns location -> the package's elements as createrepo_c wrote them
 */
export function createrepoXml(
  packagesDir: string,
  outputDir: string,
  locale = 'C.UTF-8',
): ReadonlyMap<string, PackageXml> {
  const options = ['--quiet', '--no-database', '--general-compress-type=gz', '--simple-md-filenames'];
  execFileSync('createrepo_c', [...options, `--outputdir=${outputDir}`, packagesDir], {
    env: { ...process.env, LANGUAGE: undefined, LC_ALL: locale },
    stdio: 'ignore',
  });
  const filelists = byPkgid(readPackages(outputDir, 'filelists'));
  const other = byPkgid(readPackages(outputDir, 'other'));
  return new Map(
    readPackages(outputDir, 'primary').map((primary) => {
      const pkgid = find(primary, / pkgid="YES">(?<found>[0-9a-f]+)</);
      const location = find(primary, /<location href="(?<found>[^"]*)"/);
      return [
        location,
        { primary, filelists: filelists.get(pkgid) ?? '', other: other.get(pkgid) ?? '' },
      ] as const;
    }),
  );
}

/** Text that is no UTF-8 is handed out as Latin-1, so that it equals no other. */
function readPackages(outputDir: string, type: PackageMetadataType): readonly string[] {
  const xml = gunzipSync(readFileSync(join(outputDir, 'repodata', `${type}.xml.gz`))).toString('latin1');
  const packages = xml.match(/<package [^]*?<\/package>\n/g) ?? [];
  return packages.map((text) => {
    const bytes = Buffer.from(text, 'latin1');
    return isUtf8(bytes) ? bytes.toString() : text;
  });
}

function byPkgid(packages: readonly string[]): ReadonlyMap<string, string> {
  return new Map(packages.map((xml) => [find(xml, /<package pkgid="(?<found>[0-9a-f]+)"/), xml] as const));
}

function find(xml: string, pattern: RegExp): string {
  const found = pattern.exec(xml)?.groups?.['found'];
  if (found === undefined) throw new Error(`expected ${pattern} in ${xml.slice(0, 300)}`);
  return found;
}
