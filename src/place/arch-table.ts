/**
 * The directory of each architecture a package can have. Sources: rpm's rpmrc.in (arch_compat and canon tables) for
 * the names, dnf's basearch table for the directories.
 */
const BASEARCH_OF_ARCH: ReadonlyMap<string, string> = new Map([
  ...['i386', 'i486', 'i586', 'i686', 'athlon', 'geode', 'pentium3', 'pentium4'].map(into('i386')),
  ...['x86_64', 'x86_64_v2', 'x86_64_v3', 'x86_64_v4', 'amd64', 'ia32e'].map(into('x86_64')),
  ...['armv6hl', 'armv7hl', 'armv7hnl', 'armv8hl'].map(into('armhfp')),
  ...['armv5tel', 'armv5tejl', 'armv6l', 'armv7l'].map(into('arm')),
  ...['aarch64', 'ia64', 'loongarch64', 'riscv64', 's390', 's390x'].map(into(undefined)),
  ...['ppc', 'ppc64', 'ppc64le'].map(into(undefined)),
  ...['ppc64p7', 'ppc64iseries', 'ppc64pseries'].map(into('ppc64')),
  ...['mips', 'mipsel', 'mips64', 'mips64el', 'alpha', 'sparc', 'sparc64', 'm68k', 'sh4'].map(
    into(undefined),
  ),
]);

const BASEARCHES: ReadonlySet<string> = new Set(BASEARCH_OF_ARCH.values());

function into(basearch: string | undefined): (arch: string) => readonly [string, string] {
  return (arch) => [arch, basearch ?? arch];
}

/** The basearch of a package's arch; undefined for an arch we do not know. `noarch` has none of its own. */
export function basearchOf(arch: string): string | undefined {
  return BASEARCH_OF_ARCH.get(arch);
}

/** True for the name of a repository's directory that packages of some architecture go to. */
export function isBasearch(name: string): boolean {
  return BASEARCHES.has(name);
}
