import type { CraftSpec } from './craft-rpm.ts';
import type { Random } from './random.ts';
import { randomSpec } from './random-spec.ts';

/** How many files a package has: most have few, and one is larger than a group of the index. */
const FILE_COUNTS = [0, 1, 2, 3, 5, 8, 12, 25, 60, 120] as const;
const LARGEST = 4_000;

/** A package of a repository that changes all the time: the number decides what it is, chance how large. */
export function sequenceSpec(number: number, random: Random): CraftSpec {
  const name = `package${number}`;
  const fileCount = random.next() < 0.005 ? LARGEST : random.pick(FILE_COUNTS);
  const files = Array.from({ length: fileCount }, (_, index) => ({
    path: `${random.pick(['/usr/share', '/usr/lib', '/etc', '/usr/bin'])}/${name}/${index} & co`,
  }));
  // Odd combinations of everything that repodata names.
  if (random.next() < 0.3) return { ...withoutAmpersand(randomSpec(number)), name, isSource: false, files };
  return {
    name,
    version: `${random.below(5)}.${random.below(100)}`,
    arch: random.pick(['noarch', 'x86_64']),
    summary: `Package ${number} <${random.below(1000)}>`,
    description: 'Lorem ipsum dolor sit amet.\n'.repeat(random.below(60)),
    files,
    changelogs: Array.from({ length: random.below(8) }, (_, index) => ({
      author: `A <a@example.com> - ${index}`,
      timeSeconds: 1_600_000_000 - index * 86_400,
      text: `- change ${random.below(1000)} & more`,
    })),
  };
}

/** createrepo_c 0.17.3 reads `&` in an attribute as `&#38;`, so with --update it writes another text than before. */
function withoutAmpersand(spec: CraftSpec): CraftSpec {
  return JSON.parse(JSON.stringify(spec).replaceAll('&', '+'));
}
