import { SignatureTag, Tag } from '../../src/rpm/rpm-parser/tag.ts';
import {
  type CraftFile,
  type CraftSpec,
  dropTags,
  int32Tag,
  int64Tag,
  replaceTags,
  SENSE,
  stringArrayTag,
} from './craft-rpm.ts';

const FILES: readonly CraftFile[] = [
  { path: '/etc/tool.conf', content: 'a=b\n', flags: 1 },
  { path: '/usr/bin/tool', mode: 0o100755, content: '#!/bin/sh\n' },
  { path: '/usr/share/tool', mode: 0o040755, content: '' },
  { path: '/usr/share/tool/text', content: 'text\n' },
];
const DEPENDENCIES: CraftSpec['dependencies'] = {
  requires: [{ name: '/bin/sh' }, { name: 'bash', flags: SENSE.GREATER_EQUAL, evr: '0:5.1-1' }],
  conflicts: [{ name: 'old', flags: SENSE.LESS, evr: '2' }],
  recommends: [{ name: 'nano' }],
};
const CHANGELOGS: CraftSpec['changelogs'] = [
  { author: 'Ada <ada@example.com> - 1.0-2', timeSeconds: 1_700_000_000, text: '- second' },
  { author: 'Ada <ada@example.com> - 1.0-1', timeSeconds: 1_600_000_000, text: '- first' },
];
const EACH = FILES.map(() => 8);

/** Packages as packagers other than rpmbuild write them: what is odd about each one's output, and nothing else of it. */
export const FOREIGN_PACKAGES: Readonly<Record<string, CraftSpec>> = {
  rpmbuild: { files: FILES, dependencies: DEPENDENCIES, changelogs: CHANGELOGS },
  /** The number of an algorithm once for each file; nfpm and GoReleaser are built on it. */
  rpmpack: {
    name: 'rpmpack',
    files: FILES,
    dependencies: DEPENDENCIES,
    editHeader: replaceTags(int32Tag(Tag.FILEDIGESTALGO, EACH)),
  },
  /** No source package, no region, no digest of the header, no flags of files. */
  rrpmbuild: {
    name: 'rrpmbuild',
    files: [
      { path: '/opt/rrpmbuild/a', content: 'a' },
      { path: '/opt/rrpmbuild/b', content: 'b' },
    ],
    hasRegion: false,
    editHeader: dropTags(
      Tag.FILEFLAGS,
      Tag.FILEVERIFYFLAGS,
      Tag.SOURCERPM,
      Tag.PROVIDEVERSION,
      Tag.PROVIDEFLAGS,
    ),
    // What is kept of such a header in rpm's database has another digest, and dnf then misses the package.
    editSignature: dropTags(SignatureTag.SHA1, SignatureTag.SHA256),
  },
  /** redline and eclipse-packager name no source package. */
  redline: {
    name: 'redline',
    files: FILES,
    dependencies: DEPENDENCIES,
    changelogs: CHANGELOGS,
    editHeader: dropTags(Tag.SOURCERPM, Tag.FILEINODES),
    editSignature: dropTags(SignatureTag.SHA256),
  },
  /** fpm and electron-installer-redhat run rpmbuild, of versions back to 4.11: MD5 and SHA-1 alone. */
  old: {
    name: 'oldest',
    files: FILES,
    editHeader: dropTags(Tag.PAYLOADSHA256, Tag.PAYLOADSHA256ALGO),
    editSignature: dropTags(SignatureTag.SHA256),
  },
  /** alien and cpack with a size that is not that of the package. */
  missized: {
    name: 'missized',
    files: FILES,
    editSignature: replaceTags(int32Tag(SignatureTag.SIZE, [12_345])),
  },
  longSized: {
    name: 'longsized',
    files: FILES,
    editSignature: (tags) => [
      ...dropTags(SignatureTag.SIZE)(tags),
      int64Tag(SignatureTag.LONGSIZE, [0]),
      int64Tag(SignatureTag.LONGARCHIVESIZE, [4096]),
    ],
  },
  unequal: {
    name: 'unequal',
    files: FILES,
    dependencies: DEPENDENCIES,
    changelogs: CHANGELOGS,
    editHeader: replaceTags(
      int32Tag(Tag.BUILDTIME, [1_700_000_000, 1]),
      int32Tag(Tag.SIZE, [14, 1]),
      int32Tag(Tag.REQUIREFLAGS, [0]),
      stringArrayTag(Tag.CHANGELOGTEXT, ['- second']),
      stringArrayTag(Tag.LICENSE, ['MIT']),
    ),
  },
  source: { name: 'source', isSource: true, files: [{ path: 'source.spec', content: 'Name: source\n' }] },
  sourceOfOld: {
    name: 'sourceofold',
    isSource: true,
    files: [{ path: 'source.spec', content: 'Name: source\n' }],
    editHeader: dropTags(Tag.SOURCEPACKAGE),
  },
};
