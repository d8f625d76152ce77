import { isAbsolute, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/base/config/load.ts';
import { AppError } from '../../src/errors.ts';
import {
  createRepositoryLayout,
  packageFileName,
  type PackageIdentity,
  demandRepositoryName,
} from '../../src/storage/repository-layout.ts';
import { joinRepositoryName } from '../../src/rpm/repository-name.ts';
import { appErrorOf } from '../support/app-error.ts';
import { repo } from '../support/repo.ts';

const TOP_DIR = '/srv/repo/storage';
const { releaseverPatterns } = parseConfig('', '/config.yml').layout;

const layoutWith = (noarchBasearches: readonly string[]) =>
  createRepositoryLayout({ topDir: TOP_DIR, releaseverPatterns, noarchBasearches, multilib: new Map() });

const layout = layoutWith(['x86_64', 'aarch64']);

function identity(fields: Partial<PackageIdentity> = {}): PackageIdentity {
  return {
    name: 'example',
    version: '1.0',
    release: '1.el9',
    arch: 'x86_64',
    isSource: false,
    isNoSource: false,
    ...fields,
  };
}

const repositoriesOf = (fields: Partial<PackageIdentity>, releasever?: string): readonly string[] =>
  layout.targetsOf(identity(fields), releasever).map(({ repository }) => repository);

const refusal = (code: string) => expect.objectContaining({ name: 'AppError', code });

describe('the releasever of a release tag', () => {
  it.each([
    ['1.el9', '9'],
    ['1.el9_2', '9'],
    ['1.el10', '10'],
    ['427.13.1.el9_4', '9'],
    ['3.module+el8.3.0+6804+157bd82d', '8'],
    ['1.module_el8.10.0+3845+87b84552', '8'],
    ['20230101git.el9.2', '9'],
    ['2.fc41', '41'],
    ['1.amzn2023.0.2', 'amzn2023'],
    ['1.amzn2', 'amzn2'],
    ['150400.3.5.1', '150400'],
    ['lp155.1.1', 'lp155'],
    ['bp.lp155.1.1', 'lp155'],
    ['1.mga9', 'mga9'],
    ['1.oe2203sp1', 'oe2203sp1'],
    ['1.oe2003', 'oe2003'],
    ['1.cm2', 'cm2'],
    ['1.azl3', 'azl3'],
    ['1.el10_0', '10'],
    ['1.el9sat', '9'],
    ['1PGDG.rhel9', '9'],
    ['2.rhel9', '9'],
    ['1PGDG.rhel8.10', '8'],
    ['1.ol9', '9'],
    ['1.centos7', '7'],
    ['0.el6.centos.5', '6'],
    ['1.rocky9', '9'],
    ['1.almalinux9', '9'],
    ['1el7', '7'],
    ['1.el8.tl3', '8'],
    ['1.fc44~bootstrap', '44'],
    ['3.module_f28+2312+adb1', '28'],
    ['1.eln141', 'eln'],
    ['1.ph5', 'ph5'],
    ['ce.0.amazon2023', 'amazon2023'],
    ['1.mdv2010.0', 'mdv2010'],
    ['1omv4050', 'omv4050'],
    ['1pclos2023', 'pclos2023'],
    ['1.oe2403sp1', 'oe2403sp1'],
    ['4.oe1', 'oe1'],
    ['1.h3.eulerosv2r11', 'eulerosv2r11'],
    ['1.r12.hce2', 'hce2'],
    ['1.p03.ky10', 'ky10'],
    ['1.uel20', 'uel20'],
    ['1.uelc20.01', 'uelc20'],
    ['1.an23', 'an23'],
    ['1.1.al8', 'al8'],
    ['2.ocs23', 'ocs23'],
    ['1.oc9', 'oc9'],
    ['1.tl4', 'tl4'],
    ['1.kos5', 'kos5'],
    ['1.sles15', 'sles15'],
    ['ce.0.sles15', 'sles15'],
    ['1.sles12sp5', 'sles12sp5'],
    ['1.sl15', 'sl15'],
    ['1.opensuse15.6', 'opensuse15.6'],
    ['1.vl8', 'vl8'],
    ['2.xcpng8.3.1', 'xcpng8.3'],
    ['1.rosa2021.1', 'rosa2021.1'],
    ['lp160.1.1', 'lp160'],
    ['bp160.1.18', 'bp160'],
    ['1.lp160', 'lp160'],
    ['160000.1.2', '160000'],
    ['150700.1.1', '150700'],
    ['alt0.p10.1', 'p10'],
    ['alt1.c9f2.1', 'c9'],
  ])('%s is %s', (release, releasever) => {
    expect(repositoriesOf({ release })).toEqual([`${releasever}/x86_64`]);
  });

  it.each([
    '1',
    '1.1',
    '1.el',
    '1.elrepo',
    '1.alma',
    '1.panel9',
    '1.rel9',
    '1150400.1',
    '170000',
    'alpha.1',
    'alpha1',
    '1.beta2',
    '0.1.rc3',
    '1.p7',
    '1.build5',
    'alt1',
    '20261128.200521',
    '20231115.git5fc41ab',
    '1.git.0.78e06da',
    '1.module_1997+c375c79c',
    'SNAPSHOT20231115',
    'w9.gzdio',
  ])('%s is of no known distribution', (release) => {
    expect(() => repositoriesOf({ release })).toThrow(refusal('RELEASEVER_UNKNOWN'));
  });

  it('is refused by name when it is unknown', () => {
    expect(() => repositoriesOf({ release: '7.unheard' })).toThrow(
      expect.objectContaining({
        code: 'RELEASEVER_UNKNOWN',
        message: expect.stringContaining('"7.unheard"'),
        hint: expect.stringContaining('releasever='),
        details: { release: '7.unheard' },
      }),
    );
  });

  it('comes from the first pattern that gives one that may be a directory', () => {
    const own = createRepositoryLayout({
      topDir: TOP_DIR,
      releaseverPatterns: [
        /(?<releasever>\.\.)/u,
        /(?<releasever>x*)/u,
        /-(?<releasever>\d)/u,
        /(?<releasever>\d)/u,
      ],
      noarchBasearches: [],
      multilib: new Map(),
    });
    expect(own.targetsOf(identity({ release: '..7' })).map(({ repository }) => repository)).toEqual([
      '7/x86_64',
    ]);
  });

  it.each(['9', 'amzn2023', 'el9.stage', '9-test', '9+x', '_own', 'x'.repeat(64)])(
    'is %s when the upload says so',
    (releasever) => {
      expect(repositoriesOf({ release: '1' }, releasever)).toEqual([`${releasever}/x86_64`]);
      expect(repositoriesOf({ release: '1.fc41' }, releasever)).toEqual([`${releasever}/x86_64`]);
    },
  );

  it.each([
    '',
    '.',
    '..',
    '../..',
    '9/x86_64',
    '/etc',
    '.hidden',
    '-9',
    '9 ',
    '9\n',
    'ä',
    '9\0',
    '~9',
    '%2e',
    'x'.repeat(65),
    'rpmyard.repo',
    '9.repo',
  ])('cannot be %j, even when the upload says so', (releasever) => {
    expect(() => repositoriesOf({}, releasever)).toThrow(refusal('PARAMETER_INVALID'));
  });
});

describe('several releasevers', () => {
  it('are a repository each, however often they are named', () => {
    expect(repositoriesOf({}, '9,8')).toEqual(['9/x86_64', '8/x86_64']);
    expect(repositoriesOf({ arch: 'noarch' }, '9,8,9')).toEqual([
      '9/x86_64',
      '9/aarch64',
      '8/x86_64',
      '8/aarch64',
    ]);
  });

  it.each(['9,', ',9', '9,,8', '9, 8', '9,../8', ','])('cannot be %j', (releasever) => {
    expect(() => repositoriesOf({}, releasever)).toThrow(refusal('PARAMETER_INVALID'));
  });

  it('are at most twenty', () => {
    const named = (count: number) => Array.from({ length: count }, (_, number) => `r${number}`).join();
    expect(repositoriesOf({}, named(20))).toHaveLength(20);
    expect(() => repositoriesOf({}, named(21))).toThrow(refusal('PARAMETER_INVALID'));
  });
});

describe('the targets of a package', () => {
  it('are by default in the repositories of i386 and of x86_64 for a 32-bit package', () => {
    const asShipped = createRepositoryLayout({
      topDir: TOP_DIR,
      ...parseConfig('', '/config.yml').layout,
    });
    const placesOf = (arch: string, basearches?: readonly string[]) =>
      asShipped.targetsOf(identity({ arch }), undefined, basearches).map(({ repository }) => repository);
    for (const arch of ['i386', 'i586', 'i686']) expect(placesOf(arch)).toEqual(['9/i386', '9/x86_64']);
    expect(placesOf('x86_64')).toEqual(['9/x86_64']);
    for (const [arch, basearch] of [
      ['armv7hl', 'armhfp'],
      ['aarch64', 'aarch64'],
      ['ppc', 'ppc'],
      ['s390', 's390'],
    ])
      expect(placesOf(arch ?? '')).toEqual([`9/${basearch}`]);
    expect(placesOf('i686', ['x86_64'])).toEqual(['9/x86_64']);
    expect(
      asShipped.targetsOf(identity({ arch: 'i686', isSource: true })).map(({ repository }) => repository),
    ).toEqual(['9/SRPMS']);
  });

  it('are what the administrator says of another basearch', () => {
    const own = createRepositoryLayout({
      topDir: TOP_DIR,
      releaseverPatterns,
      noarchBasearches: [],
      multilib: new Map([['armhfp', ['aarch64', 'armhfp', 'arm']]]),
    });
    const placesOf = (arch: string) => own.targetsOf(identity({ arch })).map(({ repository }) => repository);
    expect(placesOf('armv7hl')).toEqual(['9/armhfp', '9/aarch64', '9/arm']);
    expect(placesOf('i686')).toEqual(['9/i386']);
  });

  it('is one file in the repository of its architecture', () => {
    expect(layout.targetsOf(identity({ arch: 'i686' }))).toEqual([
      {
        repository: '9/i386',
        location: 'Packages/example-1.0-1.el9.i686.rpm',
      },
    ]);
    const [target] = layout.targetsOf(identity({ arch: 'i686' }));
    expect(target && layout.pathOf(target)).toBe(`${TOP_DIR}/9/i386/Packages/example-1.0-1.el9.i686.rpm`);
    expect(repositoriesOf({ arch: 'x86_64_v3' })).toEqual(['9/x86_64']);
    expect(repositoriesOf({ arch: 'armv7hl' })).toEqual(['9/armhfp']);
  });

  it.each([
    [
      ['x86_64', 'aarch64'],
      ['9/x86_64', '9/aarch64'],
    ],
    [['s390x'], ['9/s390x']],
    [[], ['9/noarch']],
  ])('of noarch with %j configured are %j', (configured, repositories) => {
    const targets = layoutWith(configured).targetsOf(identity({ arch: 'noarch' }));
    expect(targets.map(({ repository }) => repository)).toEqual(repositories);
    expect(new Set(targets.map(({ location }) => location))).toEqual(
      new Set(['Packages/example-1.0-1.el9.noarch.rpm']),
    );
  });

  it.each([
    [{ arch: 'x86_64' }, 'src'],
    [{ arch: 'noarch' }, 'src'],
    [{ arch: 'unheard-of' }, 'src'],
    [{ arch: 'x86_64', isNoSource: true }, 'nosrc'],
  ])('of a source package %j is SRPMS, whatever it was built on', (fields, suffix) => {
    const [target, ...others] = layout.targetsOf(identity({ isSource: true, ...fields }));
    expect(others).toEqual([]);
    expect(target).toMatchObject({
      repository: '9/SRPMS',
      location: `Packages/example-1.0-1.el9.${suffix}.rpm`,
    });
  });

  it.each(['pdp11', 'src', 'X86_64', 'SRPMS', '__proto__', 'constructor'])(
    'of arch %s are none: ARCH_UNKNOWN',
    (arch) => {
      expect(() => repositoriesOf({ arch })).toThrow(
        expect.objectContaining({ code: 'ARCH_UNKNOWN', message: expect.stringContaining(`"${arch}"`) }),
      );
    },
  );

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'of a package that is called %s are as any other',
    (name) => {
      expect(layout.targetsOf(identity({ name }))).toMatchObject([
        { location: `Packages/${name}-1.0-1.el9.x86_64.rpm` },
      ]);
    },
  );
});

describe('a package name, version, release or arch', () => {
  it.each([
    { name: 'nginx' },
    { name: 'libstdc++-devel' },
    { name: 'python3.11' },
    { name: '_underscore' },
    { name: '+plus' },
    { name: '0ad' },
    { name: 'a..b' },
    { version: '1.0~rc1^20240101git' },
    { version: '1+2' },
    { release: '1.el9~bootstrap' },
  ])('may be %j', (fields) => {
    const name = packageFileName(identity(fields));
    expect(name).toMatch(/^[^/]+\.x86_64\.rpm$/);
  });

  it.each([
    { name: '' },
    { name: '.' },
    { name: '..' },
    { name: '.hidden' },
    { name: '-dash' },
    { name: '~tilde' },
    { name: '../../../../tmp/x' },
    { name: 'a/b' },
    { name: 'a\\b' },
    { name: 'a\0b' },
    { name: 'a b' },
    { name: 'a\nb' },
    { name: 'nginx\n' },
    { name: 'paket-ä' },
    { name: 'pаypal' },
    { name: 'a%2fb' },
    { name: '<script>' },
    { name: 'a\u202eb' },
    { version: '' },
    { version: '1-2' },
    { version: '1/2' },
    { version: '1:2' },
    { version: '1 ' },
    { version: '１' },
    { release: '' },
    { release: '1-2' },
    { release: '../1.el9' },
    { release: '1.el9\n' },
    { arch: '' },
    { arch: '../../x' },
    { arch: 'x86-64' },
    { arch: 'a.b' },
    { arch: 'x'.repeat(65) },
  ])('cannot be %j', (fields) => {
    expect(() => layout.targetsOf(identity(fields))).toThrow(
      expect.objectContaining({
        code: 'NEVRA_INVALID',
        message: expect.stringContaining(Object.keys(fields)[0] ?? ''),
      }),
    );
    expect(() => layout.targetsOf(identity({ ...fields, isSource: false }), '9')).toThrow(
      refusal('NEVRA_INVALID'),
    );
  });

  it('makes a file name of at most 255 bytes', () => {
    const fixed = 'n-1.0-1.el9.x86_64.rpm'.length - 1;
    const longest = 'n'.repeat(255 - fixed);
    expect(packageFileName(identity({ name: longest }))).toHaveLength(255);
    for (const name of [`${longest}n`, 'n'.repeat(300), 'n'.repeat(100_000)]) {
      expect(() => packageFileName(identity({ name }))).toThrow(refusal('NEVRA_INVALID'));
    }
  });

  it('never fills an answer with what was sent', () => {
    const { message } = appErrorOf(() => layout.targetsOf(identity({ name: `/${'x'.repeat(1_000_000)}` })));
    expect(message.length).toBeLessThan(300);
  });

  it('never leaves the top directory, whatever it is made of', () => {
    const pieces = [
      '..',
      '.',
      '/',
      '\\',
      '\0',
      'a',
      '-',
      '~',
      '%2e',
      'ä',
      '',
      '\n',
      ' ',
      '__proto__',
      'repodata',
    ];
    for (const first of pieces) {
      for (const second of pieces) {
        const text = first + second;
        for (const fields of [{ name: text }, { version: text }, { release: text }, { arch: text }]) {
          for (const releasever of ['9', text]) {
            for (const target of tryTargets(fields, releasever)) {
              const inside = relative(TOP_DIR, layout.pathOf(target));
              expect(isAbsolute(inside) || inside.startsWith('..')).toBe(false);
              expect(inside.split('/')).toHaveLength(4);
              expect(inside.split('/').every((segment) => !segment.startsWith('.'))).toBe(true);
            }
          }
        }
      }
    }
  });
});

function tryTargets(fields: Partial<PackageIdentity>, releasever: string) {
  try {
    return layout.targetsOf(identity(fields), releasever);
  } catch (error) {
    if (error instanceof AppError) return [];
    throw error;
  }
}

describe('a repository name', () => {
  it('is two segments', () => {
    expect(demandRepositoryName('9', 'x86_64')).toBe('9/x86_64');
    expect(layout.directoryOf(repo('9/x86_64'))).toBe(join(TOP_DIR, '9/x86_64'));
  });

  it.each([
    ['..', 'x86_64'],
    ['9', '..'],
    ['9', ''],
    ['', 'x86_64'],
    ['.9', 'x86_64'],
    ['9', 'x86/64'],
    ['9', 'repo.data'],
    ['9@x', 'x86_64'],
  ])('is not %j and %j', (releasever, basearch) => {
    expect(() => demandRepositoryName(releasever, basearch)).toThrow(refusal('NOT_FOUND'));
    expect(joinRepositoryName({ releasever, basearch })).toBeUndefined();
  });
});
