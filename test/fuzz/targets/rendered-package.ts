import type { DescribedDependency, DescribedFile } from '../../../src/rpm/repodata/described-package.ts';
import { DEPENDENCY_KINDS } from '../../support/craft-rpm.ts';
import { describedPackage, PACKAGE_FILE } from '../../support/described-package.ts';
import { checkRendered } from '../check-rendered.ts';
import type { FuzzTarget } from '../fuzz-target.ts';
import { RPM_TEXTS } from '../mutate-rpm.ts';

/** A package that was never parsed: any text anywhere, also half a surrogate pair. */
export const renderedPackage: FuzzTarget = {
  run,
  seeds: () => SEEDS.map((fields) => Buffer.from(fields.join('\0'), 'utf16le')),
  dictionary: RPM_TEXTS.map((text) => Buffer.from(text.toString(), 'utf16le')),
};

const KINDS = ['file', 'dir', 'ghost'] as const satisfies readonly DescribedFile['kind'][];

const SEEDS: readonly (readonly string[])[] = [
  ['name', '1', '2', '1.0', '1', 'x86_64', 'summary', 'd', 'g', 'l', 'v', 'p', 'u', 'b', 's', '9'],
  [
    'n',
    '',
    '1',
    '~',
    '^',
    'a',
    '',
    '',
    '',
    '',
    '',
    '',
    '',
    '',
    '',
    '0',
    'r1',
    '8',
    '1:2-3',
    '/etc/a',
    '5',
    'x',
    'o',
    '1',
    'z',
  ],
]; // prettier-ignore

/** The input is UTF-16, its fields end at NUL: first those that there is one of, then the lists in threes. */
function run(input: Buffer): void {
  const fields = input.toString('utf16le').split('\0');
  let next = 0;
  const take = (): string => fields[next++] ?? '';
  const optional = (): string | undefined => take() || undefined;
  const number = (): number => take().codePointAt(0) ?? 0;
  const single = {
    name: take(),
    epoch: take() === '' ? undefined : number(),
    version: take(),
    release: take(),
    arch: take(),
    isSource: take() === 's',
    summary: optional(),
    description: optional(),
    group: optional(),
    license: optional(),
    vendor: optional(),
    packager: optional(),
    url: optional(),
    buildHost: optional(),
    sourceRpm: optional(),
  };
  const files: DescribedFile[] = [];
  const changelogs: { author: string; timeSeconds: number; text: string }[] = [];
  const dependencies: Partial<Record<(typeof DEPENDENCY_KINDS)[number], DescribedDependency[]>> = {};
  while (next < fields.length) {
    const kind = number();
    const text = take();
    const detail = number();
    if (kind % 3 === 0) files.push({ path: text, kind: KINDS[detail % 3] ?? 'file' });
    else if (kind % 3 === 1) changelogs.push({ author: text, timeSeconds: detail % 4, text: take() });
    else {
      const list = (dependencies[DEPENDENCY_KINDS[detail % DEPENDENCY_KINDS.length] ?? 'requires'] ??= []);
      const flags = number() % 16;
      list.push({ name: text, flags: flags | (kind << 19), evr: take(), isPre: detail % 2 === 0 });
    }
  }
  checkRendered(describedPackage({ ...single, files, changelogs, dependencies }), PACKAGE_FILE);
}
