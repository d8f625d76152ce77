import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { closingTag, openingTag, PACKAGE_METADATA_TYPES } from '../../src/rpm/repodata/metadata-envelope.ts';
import { type PackageXml, renderPackage } from '../../src/rpm/repodata/render-package.ts';
import { renderRepomd } from '../../src/rpm/repodata/repomd.ts';
import { parseRpm } from '../../src/rpm/rpm-parser/parse-rpm.ts';

/**
 * Parses a package and writes its elements.
 * @throws RpmParseError when the package cannot be read
 */
export function renderFile(packagesDir: string, location: string): PackageXml {
  const path = join(packagesDir, location);
  const bytes = readFileSync(path);
  return renderPackage(parseRpm(bytes, bytes.length), {
    location,
    sha256: sha256Of(bytes),
    sizeBytes: bytes.length,
    mtimeSeconds: Math.floor(statSync(path).mtimeMs / 1000),
  });
}

/** Writes `repodata/` with gzipped metadata for these packages. */
export function writeRepodata(outputDir: string, packages: readonly PackageXml[]): void {
  mkdirSync(join(outputDir, 'repodata'), { recursive: true });
  const files = PACKAGE_METADATA_TYPES.map((type) => {
    const elements = packages.map((xml) => xml[type]).join('');
    const open = Buffer.from(openingTag(type, packages.length) + elements + closingTag(type));
    const packed = gzipSync(open);
    const href = `repodata/${type}.xml.gz`;
    writeFileSync(join(outputDir, href), packed);
    return {
      type,
      href,
      sha256: sha256Of(packed),
      sizeBytes: packed.length,
      openSizeBytes: open.length,
      timestampSeconds: 1_700_000_000,
    };
  });
  writeFileSync(
    join(outputDir, 'repodata', 'repomd.xml'),
    renderRepomd({ revision: '1', files, carriedXml: [] }),
  );
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
