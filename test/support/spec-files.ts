import type { SpecFile, SpecPackage } from './build-spec.ts';

// rpmbuild refuses paths in Obsoletes.
const unversioned = (tag: string): readonly string[] =>
  tag === 'Obsoletes' ? [] : [`${tag}: other`, `${tag}: /usr/bin/other`];
const compared = (tag: string): readonly string[] =>
  ['<', '<=', '=', '>=', '>'].map((comparison) => `${tag}: lib${comparison.length} ${comparison} 2:1.0-3`);

const TAGS = [
  'Provides',
  'Requires',
  'Conflicts',
  'Obsoletes',
  'Recommends',
  'Suggests',
  'Supplements',
  'Enhances',
];

const QUALIFIERS = [
  'pre',
  'post',
  'preun',
  'postun',
  'pretrans',
  'posttrans',
  'verify',
  'interp',
  'meta',
  'rpmlib',
];

const DEPENDENCY_PACKAGES: readonly SpecPackage[] = [
  ...TAGS.map((tag) => ({ name: tag.toLowerCase(), preamble: [...unversioned(tag), ...compared(tag)] })),
  ...QUALIFIERS.map((qualifier) => ({
    name: `requires-${qualifier}`,
    preamble: [`Requires(${qualifier}): tool`, `Requires(${qualifier}): versioned >= 1`],
  })),
  {
    name: 'requires-twice',
    preamble: ['Requires: tool', 'Requires(pre): tool', 'Requires(post): tool >= 1', 'Requires: tool >= 1'],
  },
  {
    name: 'requires-own',
    preamble: [
      'Provides: own = 1',
      'Requires: own = 1',
      'Requires: own',
      'Requires: /usr/bin/own',
      'Requires: /opt/own',
    ],
    install: [
      'mkdir -p "$RPM_BUILD_ROOT/usr/bin" "$RPM_BUILD_ROOT/opt"',
      'touch "$RPM_BUILD_ROOT/usr/bin/own" "$RPM_BUILD_ROOT/opt/own"',
    ],
    files: ['/usr/bin/own', '/opt/own'],
  },
  {
    name: 'libc',
    preamble: ['GLIBC_2.2.5)(64bit)', 'GLIBC_2.34)(64bit)', 'GLIBC_2.4)(64bit)', ')(64bit)'].map(
      (version) => `Requires: libc.so.6(${version}`,
    ),
  },
  {
    name: 'rich',
    preamble: [
      'Requires: (a or (b and c >= 2))',
      'Requires: (x if y else z)',
      'Recommends: (k with l)',
      'Supplements: (m and n)',
      'Conflicts: (p unless q)',
    ],
  },
  { name: 'epoch', preamble: ['Epoch: 4', 'Version: 2~rc1', 'Release: 3^git.el9'] },
  { name: 'noarch', preamble: ['BuildArch: noarch'] },
];

const TEXT_PACKAGES: readonly SpecPackage[] = [
  {
    name: 'unicode',
    preamble: [
      'URL: https://example.com/?a=1&b=<2>',
      'Vendor: Ünïcödé "Ltd." 🎉',
      "Packager: Łukasz O'Neil <l@x>",
    ],
    description: '  Indented, with\ta tab,\n\n漢字 and 🎉, ]]> & "quotes".',
  },
  { name: 'group', preamble: ['Group: System/<Base>'] },
];

const FILE_PACKAGES: readonly SpecPackage[] = [
  {
    name: 'files',
    install: [
      'cd "$RPM_BUILD_ROOT"',
      'mkdir -p etc/sub usr/bin usr/sbin usr/lib usr/share/ü opt/cabin var/log',
      'touch etc/a.conf etc/sub/b usr/bin/tool usr/sbin/tool usr/lib/sendmail "usr/share/ü/a & <b>.txt" opt/cabin/x',
      'ln -s tool usr/bin/link',
      'ln -s ../nowhere usr/share/dangling',
      'ln usr/bin/tool usr/bin/hardlink',
    ],
    files: [
      '%config(noreplace) /etc/a.conf',
      '%dir /etc/sub',
      '/etc/sub/b',
      '%attr(0755,root,root) /usr/bin/tool',
      '/usr/bin/hardlink',
      '/usr/bin/link',
      '/usr/sbin/tool',
      '/usr/lib/sendmail',
      '"/usr/share/ü/a & <b>.txt"',
      '/usr/share/dangling',
      '/opt/cabin',
      '%ghost /var/log/tool.log',
      '%ghost %dir /var/log/tool',
      '%ghost /usr/bin/later',
      '%doc /usr/share/ü',
    ],
  },
  { name: 'empty' },
];

const SCRIPTLET_PACKAGES: readonly SpecPackage[] = [
  {
    name: 'scriptlets',
    scriptlets: ['pre', 'post', 'preun', 'postun', 'pretrans', 'posttrans', 'verifyscript'].flatMap(
      (kind) => [`%${kind} %{self}`, 'true'],
    ),
  },
  {
    name: 'scriptlets-lua',
    scriptlets: ['%pre %{self} -p <lua>', 'x = 1', '%post %{self} -p /sbin/ldconfig'],
  },
  {
    name: 'triggers',
    scriptlets: [
      '%triggerin %{self} -- other > 2, third',
      'true',
      '%triggerpostun %{self} -- other',
      'true',
      '%filetriggerin %{self} -- /usr/lib',
      'true',
      '%transfiletriggerpostun %{self} -- /usr/share/icons',
      'true',
    ],
  },
];

const CHANGELOG = Array.from(
  { length: 14 },
  (_, index) =>
    `* Mon Jan ${String(29 - 7 * Math.floor(index / 4)).padStart(2, '0')} 2024 Zoë <z@example.com> - 1.0-${14 - index}\n- Fix "${index}" & <more>\n  with\ttab 漢`,
).join('\n\n');

/** Real packages with everything that repodata says of one. */
export const SPEC_FILES: readonly SpecFile[] = [
  {
    name: 'parts',
    packages: [...DEPENDENCY_PACKAGES, ...TEXT_PACKAGES, ...FILE_PACKAGES, ...SCRIPTLET_PACKAGES],
    changelog: CHANGELOG,
  },
  { name: 'single', packages: [{ name: 'plain' }] },
  {
    name: 'source',
    isSource: true,
    preamble: [
      'BuildRequires: gcc >= 12',
      'BuildRequires: make',
      'BuildConflicts: old < 1',
      'ExclusiveArch: x86_64',
    ],
    changelog: CHANGELOG,
  },
  { name: 'nosource', isSource: true, sources: ['secret.tar.gz', 'a.patch'], preamble: ['NoSource: 0'] },
];
