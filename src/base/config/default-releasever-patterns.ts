/**
 * The tags of `%dist` in Enterprise Linux, its rebuilds, and packages that are made for both: hosts of all ask for the
 * number alone.
 */
const ENTERPRISE_LINUX = ['el', 'rhel', 'centos', 'ol', 'rocky', 'rockylinux', 'alma', 'almalinux'];

/** Tags of distributions that are kept whole: their numbers mean something else than those of Enterprise Linux and Fedora. */
const KEPT_WHOLE: readonly (readonly string[])[] = [
  // Amazon Linux, Azure Linux and CBL-Mariner, Photon
  ['amzn', 'amazon', 'azl', 'cm', 'ph'],
  // Mageia, Mandriva and OpenMandriva, PCLinuxOS
  ['mga', 'mdv', 'omv', 'pclos'],
  // openEuler, EulerOS, Huawei Cloud EulerOS, Kylin, UOS
  ['oe', 'eulerosv\\d+r', 'hce', 'ky', 'ks', 'uel', 'uelc', 'uos'],
  // Anolis, Alibaba Cloud Linux, OpenCloudOS and its Stream, TencentOS, KeyarchOS, CTyunOS, BigCloud
  ['an', 'al', 'alinux', 'oc', 'ocs', 'tl', 'tlinux', 'kos', 'ctl', 'bclinux'],
  // SUSE Linux Enterprise as others write it, Scientific Linux, Asianux, RED OS
  ['sles?', 'suse', 'sl', 'AXS', 'red', 'redos', 'res'],
  // VzLinux and Virtuozzo, XenServer
  ['vl', 'vz', 'xs'],
];

/** The same of distributions whose release has a second number. */
const WITH_MINOR = ['opensuse', 'leap', 'rosa', 'xcpng'];

/** A tag begins where no letter stands: `1PGDG.rhel9` and `1el9`, but neither `panel9` nor `alpha1`. */
const BEGINNING = '(?<![A-Za-z])';

/**
 * The dist tags that the service knows, tried in this order on the package's Release; the first match gives the
 * releasever. It is the number alone only where hosts of several distributions share it, so that others never mix.
 */
export const DEFAULT_RELEASEVER_PATTERNS: readonly string[] = [
  `${BEGINNING}${matchAny(ENTERPRISE_LINUX)}(?<releasever>\\d+)`,
  // Fedora, and its modules. After a dot alone: `fc` and a digit are part of many commit ids.
  '\\.(?:fc|module[_+]f)(?<releasever>\\d+)',
  // Fedora ELN, whose hosts ask for "eln", whichever rebuild it was.
  `${BEGINNING}(?<releasever>eln)\\d*`,
  ...KEPT_WHOLE.map((tags) => `${BEGINNING}(?<releasever>${matchAny(tags)}\\d+(?:sp\\d+)?)`),
  `${BEGINNING}(?<releasever>${matchAny(WITH_MINOR)}\\d+(?:\\.\\d+)?)`,
  // openSUSE Leap and its backports, of the Open Build Service
  '(?:^|\\.)(?<releasever>[lb]p\\d{3})(?:\\.|$)',
  // SUSE Linux Enterprise 15 and 16, and what Leap takes from it
  '^(?<releasever>1[56][01]\\d00)\\.',
  // Branches of ALT
  '^alt\\d.*\\.(?<releasever>[pc]\\d+)',
];

function matchAny(tags: readonly string[]): string {
  return `(?:${tags.join('|')})`;
}
