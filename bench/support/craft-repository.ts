import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CraftSpec, craftRpm } from '../../test/support/craft-rpm.ts';

/** Like the mean package of a distribution: 20,000 of them give about 160 MB of XML, primary, filelists and other. */
const FILES = 80;
const REQUIRES = 12;
const PROVIDES = 6;
const CHANGELOGS = 5;

const WORDS =
  'array async backend binary bridge buffer cache client codec config cursor daemon data debug device driver engine event filter format fuzzy gateway graph helper image index input kernel layer linker locale logger matrix media memory module native network object output packet parser plugin policy portal printer profile proxy python queue random reader record render runtime scanner schema script sensor server session shader signal socket solver source stream string syntax system table target theme thread token tracker unicode update vector video virtual widget window worker'.split(
    ' ',
  );

/** Writes packages numbered `first` to `first + count - 1`; the same number gives the same bytes. */
export async function craftRepository(packagesDir: string, first: number, count: number): Promise<void> {
  await mkdir(packagesDir, { recursive: true });
  for (let number = first; number < first + count; number += 1) {
    await writeFile(join(packagesDir, packageFileName(number)), craftRpm(specOf(number)));
  }
}

export function packageFileName(number: number): string {
  return `${packageName(number)}-1.${number % 30}-1.el9.x86_64.rpm`;
}

function packageName(number: number): string {
  return `lib${WORDS[number % WORDS.length]}-${String(number).padStart(6, '0')}`;
}

function specOf(number: number): CraftSpec {
  const words = createWords(number);
  const name = packageName(number);
  const version = `1.${number % 30}`;
  const directories = [`/usr/lib64/${name}`, `/usr/share/doc/${name}`, `/usr/share/${name}/${words(2, '-')}`];
  return {
    name,
    version,
    summary: `The ${words(6, ' ')}`,
    description: Array.from({ length: 4 }, () => `${words(9, ' ')}.`).join('\n'),
    url: `https://example.com/${name}`,
    vendor: 'Example',
    packager: 'Example <packager@example.com>',
    payload: new Uint8Array(0),
    files: Array.from({ length: FILES }, (_, index) => ({
      path: `${directories[index % directories.length]}/${words(1, '')}-${index}.so`,
      sizeBytes: 1000 + index,
      digest: 'd'.repeat(64),
    })),
    dependencies: {
      provides: Array.from({ length: PROVIDES }, (_, index) => ({
        name: index === 0 ? name : `lib${words(2, '-')}.so.${index}()(64bit)`,
        flags: 8,
        evr: `${version}-1.el9`,
      })),
      requires: Array.from({ length: REQUIRES }, () => ({ name: `lib${words(2, '-')}.so.1()(64bit)` })),
    },
    changelogs: Array.from({ length: CHANGELOGS }, (_, index) => ({
      author: `${words(2, ' ')} <${words(1, '')}@example.com> - ${version}-${index}`,
      timeSeconds: 1_700_000_000 - index * 86_400,
      text: `- ${words(8, ' ')}`,
    })),
  };
}

/** Gives words in an order that only the seed decides. Source: the mulberry32 generator. */
function createWords(seed: number): (count: number, separator: string) => string {
  let state = seed;
  const nextWord = (): string => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return WORDS[((mixed ^ (mixed >>> 14)) >>> 0) % WORDS.length] ?? '';
  };
  return (count, separator) => Array.from({ length: count }, nextWord).join(separator);
}
