import type { MetadataFile } from '../../src/rpm/repodata/repomd.ts';

/** A metadata file as repomd.xml names it. */
export const METADATA_FILE: MetadataFile = {
  type: 'primary',
  href: `repodata/${'a'.repeat(64)}-primary.xml.gz`,
  sha256: 'a'.repeat(64),
  sizeBytes: 1234,
  openSizeBytes: 56_789,
  timestampSeconds: 1_700_000_000,
};
