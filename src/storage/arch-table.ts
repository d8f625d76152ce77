/**
 * The directory of each architecture a package can have. Sources: rpm's rpmrc.in (arch_compat and canon tables) for
 * the names, dnf's basearch table for the directories.
 */
const BASEARCH_OF_ARCH: ReadonlyMap<string, string> = new Map([
  ...['i386', 'i486', 'i586', 'i686', 'athlon', 'geode', 'pentium3', 'pentium4'].map(into('i386')),
  ...['x86_64', 'x86_64_v2', 'x86_64_v3', 'x86_64_v4', 'amd64', 'ia32e'].map(into('x86_64')),
  ...['armv6hl', 'armv7hl', 'armv7hnl', 'armv8hl'].map(into('armhfp')),
  ...['armv5tel', 'armv5tejl', 'armv5tl', 'armv6l', 'armv7l', 'armv8l'].map(into('arm')),
  ...['aarch64', 'ia64', 'loongarch64', 'riscv64', 's390', 's390x'].map(into(undefined)),
  ...['ppc', 'ppc64', 'ppc64le'].map(into(undefined)),
  ...['ppc64p7', 'ppc64iseries', 'ppc64pseries'].map(into('ppc64')),
  ...['mips', 'mipsel', 'mips64', 'mips64el', 'alpha', 'sparc', 'sparc64', 'm68k', 'sh3', 'sh4'].map(
    into(undefined),
  ),
  ...['alphaev5', 'alphaev56', 'alphaev6', 'alphaev67', 'alphapca56'].map(into('alpha')),
  ...['sparcv8', 'sparcv9', 'sparcv9v'].map(into('sparc')),
  ...['sparc64v', 'sun4u'].map(into('sparc64')),
  ...['sun4c', 'sun4d', 'sun4m'].map(into('sparc')),
  ...['armv3l', 'armv4b', 'armv4l', 'armv4tl'].map(into('arm')),
  ...['osfmach3_i386', 'osfmach3_i486', 'osfmach3_i586', 'osfmach3_i686'].map(into('i386')),
  ...[
    'ppc32dy4',
    'ppc8260',
    'ppc8560',
    'ppciseries',
    'ppcpseries',
    'osfmach3_ppc',
    'powerpc',
    'powerppc',
  ].map(into('ppc')),
  ...['e2kv4', 'e2kv5', 'e2kv6', 'e2k1cp', 'e2k2c3', 'e2k8c', 'e2k8c2', 'e2k16c'].map(into('e2k')),
  ...['sh', 'xtensa', 'riscv', 'e2k', 'rs6000', 'i370', 'sgi', 'parisc', 'm68kmint'].map(into(undefined)),
  ...['mipsr6', 'mipsr6el', 'mips64r6', 'mips64r6el'].map(into(undefined)),
  ...['atariclone', 'atarist', 'atariste', 'ataritt', 'falcon', 'hades', 'milan'].map(into('m68kmint')),
  ['sh4a', 'sh4'],
]);

/**
 * Basearch -> those of whose packages its hosts install too. Source: arch_compat in rpm's rpmrc.in.
 */
const ALSO_INSTALLED: ReadonlyMap<string, readonly string[]> = new Map([
  ['x86_64', ['i386']],
  ['ppc64', ['ppc']],
  ['s390x', ['s390']],
  ['sparc64', ['sparc']],
]);

const BASEARCHES: ReadonlySet<string> = new Set(BASEARCH_OF_ARCH.values());

function into(basearch: string | undefined): (arch: string) => readonly [string, string] {
  return (arch) => [arch, basearch ?? arch];
}

/** The basearch of a package's arch; undefined for an arch we do not know. `noarch` has none of its own. */
export function findBasearch(arch: string): string | undefined {
  return BASEARCH_OF_ARCH.get(arch);
}

/** True for the name of a repository's directory that packages of some architecture go to. */
export function isBasearch(name: string): boolean {
  return BASEARCHES.has(name);
}

/** True when hosts of a basearch install packages of an arch that has another basearch: i686 on x86_64. */
export function alsoInstalls(basearch: string, arch: string): boolean {
  const own = findBasearch(arch);
  return own !== undefined && (ALSO_INSTALLED.get(basearch)?.includes(own) ?? false);
}
