/**
 * The architectures that rpm installs packages of, each on some machine.
 *
 * Source: rpm 6.1, rpmrc.in: the second column of arch_canon and the first of arch_compat, x86_64_v2 to _v4 among them. What is
 * left out is in FOREIGN_WORDS.
 */
const RPM_ARCHES: ReadonlySet<string> = new Set(
  [
    'noarch',
    'x86_64 x86_64_v2 x86_64_v3 x86_64_v4',
    'i386 i486 i586 i686 athlon geode pentium3 pentium4 osfmach3_i386 osfmach3_i486 osfmach3_i586 osfmach3_i686',
    'aarch64 armv3l armv4b armv4l armv4tl armv5tejl armv5tel armv5tl armv6hl armv6l armv7hl armv7hnl armv7l armv8hl armv8l',
    'ppc ppc32dy4 ppc64 ppc64iseries ppc64le ppc64p7 ppc64pseries ppc8260 ppc8560 ppciseries ppcpseries',
    'osfmach3_ppc powerpc powerppc rs6000',
    's390 s390x i370 riscv riscv64 loongarch64 ia64 xtensa',
    'mips mips64 mips64el mips64r6 mips64r6el mipsel mipsr6 mipsr6el sgi',
    'alpha alphaev5 alphaev56 alphaev6 alphaev67 alphapca56',
    'sparc sparc64 sparc64v sparcv8 sparcv9 sparcv9v sun4c sun4d sun4m sun4u',
    'sh sh3 sh4 sh4a e2k e2kv4 e2kv5 e2kv6 e2k1cp e2k2c3 e2k8c e2k8c2 e2k16c',
    'm68k m68kmint atariclone atarist atariste ataritt falcon hades milan parisc',
  ].flatMap((line) => line.split(' ')),
);

/**
 * What others call an architecture, and rpm's word for it. rpm itself has amd64, ia32e and em64t in its tables, but neither dnf
 * nor zypper takes such a package for an x86_64 host (libsolv, src/poolarch.c, archpolicies).
 */
const FOREIGN_WORDS: ReadonlyMap<string, string> = new Map([
  ...['amd64', 'x64', 'x86-64', 'x86_64-v1', 'x86_64_v1', 'ia32e', 'em64t', 'intel64'].map(meaning('x86_64')),
  ...['arm64', 'armv8', 'armv8a', 'arm64v8'].map(meaning('aarch64')),
  ...['all', 'any', 'none', 'no-arch', 'no_arch', 'independent'].map(meaning('noarch')),
  ...['386', 'x86', 'x86_32', 'x32', 'ia32', '486', '586', '686'].map(meaning('i686')),
  ...['arm', 'armhf', 'armhfp', 'arm7', 'armv7', 'armv7a', 'armv7h', 'arm32v7', 'arm-7'].map(
    meaning('armv7hl'),
  ),
  ...['arm6', 'armv6', 'armv6h', 'arm-6'].map(meaning('armv6hl')),
  ...['arm5', 'armv5', 'armel', 'armv5te', 'arm-5'].map(meaning('armv5tel')),
  ...['ppc64el', 'powerpc64le', 'powerpc64el'].map(meaning('ppc64le')),
  ...['powerpc64', 'power64'].map(meaning('ppc64')),
  ...['mipsle'].map(meaning('mipsel')),
  ...['mips64le'].map(meaning('mips64el')),
  ...['loong64', 'loongarch'].map(meaning('loongarch64')),
  ...['riscv64gc', 'riscv-64'].map(meaning('riscv64')),
  ...['systemz', 'zarch'].map(meaning('s390x')),
]);

function meaning(word: string): (foreign: string) => readonly [string, string] {
  return (foreign) => [foreign, word];
}

/** Whether rpm installs packages of this arch. */
export function isRpmArch(arch: string): boolean {
  return RPM_ARCHES.has(arch);
}

/** What rpm calls the architecture that a foreign word means; undefined for one that means nothing here. */
export function rpmWordFor(arch: string): string | undefined {
  const lower = arch.toLowerCase();
  return FOREIGN_WORDS.get(lower) ?? (isRpmArch(lower) ? lower : undefined);
}
