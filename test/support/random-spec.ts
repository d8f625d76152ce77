import type { DependencyKind } from '../../src/rpm/rpm-parser/rpm-package.ts';
import {
  type CraftChangelog,
  type CraftDependency,
  type CraftFile,
  type CraftSpec,
  DEPENDENCY_KINDS,
} from './craft-rpm.ts';

/** Few names and versions, so that the same ones meet often. */
const NAMES = [
  'a',
  'b',
  'b',
  '__proto__',
  'constructor',
  'rpmlib(PayloadFilesHavePrefix)',
  'rpmlib',
  'config(a)',
  '(a if b)',
  'libc.so.6',
  'libc.so.6()(64bit)',
  'libc.so.6(64bit)',
  'libc.so.6(GLIBC_2.4)(64bit)',
  'libc.so.6(GLIBC_2.34)',
  'libc.so.6(GLIBC_2.3.4)(64bit)',
  'libc.so.6(GLIBC_2.034)(64bit)',
  'libc.so.6(GLIBC_2.34~rc)',
  'libc.so.6(GLIBC_2.34^1)',
  'libc.so.6(GLIBC_ABI_DT_RELR)(64bit)',
  'libc.so.6(GLIBC_2.4',
  'libc.so.60(X_1)',
  'libm.so.6(GLIBC_2.4)',
  '/bin/sh',
  '/etc/a.conf',
  '/usr/lib/sendmail',
  '/usr/share/a/data',
  'etc/a.conf',
  'bin/tool',
  'ünï',
  '<&>"\'',
  'tab\there',
  'line\nbreak',
  '',
] as const;

const EVRS = [
  '',
  '',
  '1',
  '1.0-1',
  '0:1.0-1',
  '2:1',
  ':1',
  'x:1',
  ' 1:2',
  '+1:2',
  '-1:2',
  '1x:2',
  '1:2:3-4',
  '1-2-3',
  '1-',
  '-1',
  '-',
  ':',
  '1:',
  '1:-2',
  'a-b:c-d',
  '1.0~rc1^git1-2.el9',
  'é"<-&>',
] as const;

/** Sense bits, also combinations that have no name, and PREREQ, SCRIPT_PRE, SCRIPT_POST, SCRIPT_PREUN, MISSINGOK, STRONG. */
const COMPARISONS = [0, 0, 2, 4, 8, 8, 10, 12, 6, 14, 1] as const;
const OTHER_BITS = [0, 0, 0, 1 << 6, 1 << 9, 1 << 10, 1 << 11, 1 << 8, 1 << 19, 1 << 24, 1 << 27] as const;

const PATHS = [
  '/etc/a.conf',
  '/etc/sub/b.conf',
  '/usr/bin/tool',
  '/usr/sbin/tool',
  '/bin/sh',
  '/opt/cabin/plan',
  '/usr/lib/sendmail',
  '/usr/lib/sendmail.d',
  '/usr/share/a/data',
  '/usr/share/ü & <b>/"q".txt',
  '/usr/share/a b.txt',
] as const;

// Requires have the most rules.
const KINDS = DEPENDENCY_KINDS.flatMap((kind) => (kind === 'requires' ? [kind, kind] : [kind]));

const TEXTS = [
  'Plain',
  '',
  ' space around ',
  'a & b < c > d "e" \'f\'',
  'tab\tnewline\ncr\rcrlf\r\nend',
  'ünïcödé 漢字 🎉 \u007f\u0085\u2028\u00a0',
  ']]> <!-- --> <?x?>',
] as const;

const AUTHORS = ['A <a@example.com> - 1-1', 'trailing   ', ' ', '   ', 'Ä "q" <&>', 'tab\tin'] as const;

/** A package with odd combinations of everything repodata names; the same seed always gives the same. */
export function randomSpec(seed: number): CraftSpec {
  const random = randomSource(seed);
  const pick = <Value>(values: readonly Value[]): Value => {
    const value = values[Math.floor(random() * values.length)];
    if (value === undefined) throw new Error('expected values to pick from');
    return value;
  };
  const some = <Value>(most: number, make: () => Value): readonly Value[] =>
    Array.from({ length: Math.floor(random() * (most + 1)) }, make);

  const dependency = (): CraftDependency => ({
    name: pick(NAMES),
    flags: (pick(COMPARISONS) | pick(OTHER_BITS) | pick(OTHER_BITS)) >>> 0,
    evr: pick(EVRS),
  });
  const isSource = random() < 0.1;
  const file = (): CraftFile => ({
    path: isSource ? pick(['a.spec', 'bin', 'a.tar.gz']) : pick(PATHS),
    mode: pick([0o100644, 0o100755, 0o040755, 0o120777]),
    flags: pick([0, 0, 1, 64]),
    sizeBytes: 3,
    digest: '',
  });
  const time = 1_600_000_000 + Math.floor(random() * 3);
  const changelog = (): CraftChangelog => ({
    author: pick(AUTHORS),
    timeSeconds: time - Math.floor(random() * 3),
    text: pick(TEXTS),
  });
  const dependencies: Partial<Record<DependencyKind, readonly CraftDependency[]>> = {};
  for (const kind of KINDS) dependencies[kind] = [...(dependencies[kind] ?? []), ...some(12, dependency)];
  const isPresent = random() < 0.7;
  return {
    name: `random-${seed}`,
    ...(random() < 0.3 && { epoch: pick([0, 1, 4_294_967_295]) }),
    version: pick(['1.0', '2~rc1', '3^git']),
    isSource,
    arch: pick(['x86_64', 'noarch', 'i686']),
    summary: pick(TEXTS),
    description: pick(TEXTS),
    group: pick(TEXTS),
    license: pick(TEXTS),
    ...(isPresent && { vendor: pick(TEXTS), packager: pick(TEXTS), url: pick(TEXTS) }),
    dependencies,
    files: distinctPaths(some(12, file)),
    changelogs: some(14, changelog),
  };
}

function distinctPaths(files: readonly CraftFile[]): readonly CraftFile[] {
  return [...new Map(files.map((file) => [file.path, file])).values()];
}

/** Numbers from 0 up to 1. Source: xorshift32, G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8 (2003). */
function randomSource(seed: number): () => number {
  let state = seed * 2_654_435_761 + 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
