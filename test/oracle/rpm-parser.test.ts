import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRpm } from '../../src/rpm/rpm-parser/parse-rpm.ts';
import type { DependencyKind, RpmPackage } from '../../src/rpm/rpm-parser/rpm-package.ts';
import { RpmParseError } from '../../src/rpm/rpm-parser/rpm-parse-error.ts';
import { verifyHeaderDigests } from '../../src/rpm/rpm-parser/verify-header-digests.ts';
import { corpus } from '../support/corpus.ts';
import { type CraftSpec, craftRpm, SENSE } from '../support/craft-rpm.ts';
import { lacks } from '../support/lacks.ts';
import { formatNevra, formatNvra, parseNevra, toNevra } from '../../src/rpm/nevra.ts';

/** Separators that no package in these tests has in its text. */
const PACKAGE_END = '\x1e';
const FIELD_END = '\x1f';
const VALUE_END = '\x1d';
const ITEM_END = '\x1c';

/** The kinds that rpm knows, with the first part of their tags' names. */
const DEPENDENCY_TAGS = {
  provides: 'PROVIDE',
  requires: 'REQUIRE',
  conflicts: 'CONFLICT',
  obsoletes: 'OBSOLETE',
  recommends: 'RECOMMEND',
  suggests: 'SUGGEST',
  supplements: 'SUPPLEMENT',
  enhances: 'ENHANCE',
} as const satisfies Partial<Record<DependencyKind, string>>;

const DEPENDENCY_KINDS = [
  'provides',
  'requires',
  'conflicts',
  'obsoletes',
  'recommends',
  'suggests',
  'supplements',
  'enhances',
] as const satisfies readonly DependencyKind[];

/** Tags with one value, and what stands for the tag when there is none. */
const SCALARS = {
  NAME: '',
  EPOCH: '',
  VERSION: '',
  RELEASE: '',
  ARCH: '',
  SUMMARY: '',
  DESCRIPTION: '',
  GROUP: '',
  LICENSE: '',
  VENDOR: '',
  PACKAGER: '',
  URL: '',
  BUILDHOST: '',
  BUILDTIME: '0',
  LONGSIZE: '0',
  LONGARCHIVESIZE: '0',
  PAYLOADFORMAT: 'cpio',
  PAYLOADCOMPRESSOR: 'gzip',
  SHA256HEADER: '',
  SHA1HEADER: '',
};

function items(...tags: readonly string[]): string {
  return `[${tags.map((tag) => `%{${tag}}${VALUE_END}`).join('')}${ITEM_END}]${FIELD_END}`;
}

const QUERY_FORMAT = [
  ...Object.entries(SCALARS).map(([tag, none]) => `%|${tag}?{%{${tag}}}:{${none}}|${FIELD_END}`),
  `%|SOURCERPM?{0}:{1}|${FIELD_END}`,
  items('FILENAMES', 'FILEMODES', 'FILEFLAGS', 'LONGFILESIZES'),
  items('FILEDIGESTS'),
  items('CHANGELOGNAME', 'CHANGELOGTIME', 'CHANGELOGTEXT'),
  ...Object.values(DEPENDENCY_TAGS).map((tag) => items(`${tag}NAME`, `${tag}FLAGS`, `${tag}VERSION`)),
  PACKAGE_END,
].join('');

/** What rpm says of each file, in our words; the files must be ones that rpm can read. */
function queryRpm(paths: readonly string[]): readonly (readonly string[])[] {
  const output = execFileSync('rpm', ['-qp', '--nosignature', '--nodigest', '--qf', QUERY_FORMAT, ...paths], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
    maxBuffer: 1 << 30,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return output
    .split(PACKAGE_END)
    .slice(0, -1)
    .map((fields) => fields.split(FIELD_END).slice(0, -1));
}

/** The same fields from our side. */
function describeLikeRpm(rpm: RpmPackage): readonly string[] {
  const files = [...rpm.files];
  return [
    rpm.name,
    rpm.epoch,
    rpm.version,
    rpm.release,
    rpm.arch,
    rpm.summary,
    rpm.description,
    rpm.group,
    rpm.license,
    rpm.vendor,
    rpm.packager,
    rpm.url,
    rpm.buildHost,
    rpm.buildTimeSeconds,
    rpm.installedSizeBytes,
    rpm.archiveSizeBytes,
    rpm.payloadFormat,
    rpm.payloadCompressor,
    rpm.digests.headerSha256,
    rpm.digests.headerSha1,
    rpm.isSource ? 1 : 0,
    rows(files.map(({ path, mode, flags, sizeBytes }) => [path, mode, flags, sizeBytes])),
    rows([...rpm.fileDigests].map((digest) => [digest])),
    rows([...rpm.changelogs].map(({ author, timeSeconds, text }) => [author, timeSeconds, text])),
    ...DEPENDENCY_KINDS.map((kind) =>
      rows([...rpm.dependencies[kind]].map(({ name, flags, evr }) => [name, flags, evr])),
    ),
  ].map((field) => String(field ?? ''));
}

function rows(lists: readonly (readonly (string | number)[])[]): string {
  return lists.map((values) => values.map((value) => `${value}${VALUE_END}`).join('') + ITEM_END).join('');
}

function parseFile(path: string): RpmPackage {
  const bytes = readFileSync(path);
  return parseRpm(bytes, bytes.length);
}

describe.skipIf(lacks('the corpus') || lacks('rpm'))('a real package (needs the corpus and rpm)', () => {
  const readable = (corpus ?? []).filter(({ isReal, queryStatus }) => isReal && queryStatus === 0);

  it('that rpm reads is read here, with the same content', () => {
    const packages = readable.map((file) => ({ ...file, rpm: parseFile(file.path) }));
    // rpm hands out the raw bytes of text that is not UTF-8.
    const inUtf8 = packages.filter(({ rpm }) => rpm.textDefects.every(({ defect }) => defect !== 'latin-1'));
    expect(inUtf8.length).toBeGreaterThan(0.9 * packages.length);
    const answers = queryRpm(inUtf8.map(({ path }) => path));
    expect(answers).toHaveLength(inUtf8.length);
    for (const [index, { name, rpm }] of inUtf8.entries()) {
      expect([name, ...describeLikeRpm(rpm)]).toEqual([name, ...(answers[index] ?? [])]);
    }
  });

  it('that rpm verifies has the header digests it says', () => {
    const broken = readable.filter(({ path }) => hasOtherDigest(readFileSync(path)));
    const verified = broken.filter(
      ({ path }) => spawnSync('rpmkeys', ['-K', '--nosignature', path]).status === 0,
    );
    expect(verified).toEqual([]);
    expect(broken.map(({ name }) => name.split('/').at(-1))).toEqual(
      expect.arrayContaining(['signed_broken_header.rpm']),
    );
  });

  it('of format 6 is as long as it says', () => {
    const packages = readable.filter(({ path }) => parseFile(path).formatMajor === 6);
    expect(packages.length).toBeGreaterThan(20);
    for (const { name, path } of packages) {
      const { digests, headerRange } = parseFile(path);
      expect([name, digests.headerAndPayloadSizeBytes]).toEqual([
        name,
        readFileSync(path).length - headerRange.start,
      ]);
    }
  });
});

function hasOtherDigest(bytes: Buffer): boolean {
  try {
    verifyHeaderDigests(bytes, parseRpm(bytes, bytes.length));
    return false;
  } catch (error) {
    if (error instanceof RpmParseError && error.code === 'DIGEST_MISMATCH') return true;
    throw error;
  }
}

describe.skipIf(lacks('the corpus'))('a file of the corpus (needs the corpus)', () => {
  it.each((corpus ?? []).filter(({ queryStatus }) => queryStatus !== 0))(
    'that rpm refuses is refused here: $name',
    ({ path }) => {
      expect(() => parseFile(path)).toThrow(RpmParseError);
    },
  );

  /** Files that rpm takes although their header is ambiguous or contradicts itself. */
  const DANGEROUS = {
    '10-name-as-string-array.rpm': 'TAG_INVALID',
    '10-name-missing.rpm': 'TAG_MISSING',
    '10-name-twice.rpm': 'TAG_INVALID',
    '30-count-mismatch.rpm': 'COUNT_MISMATCH',
    '30-dirindex-oob.rpm': 'COUNT_MISMATCH',
    '30-modes-missing.rpm': 'TAG_MISSING',
    '70-rpmformat-99.rpm': 'FORMAT_UNSUPPORTED',
  };

  it('that rpm reads is read here, unless its header is dangerous', () => {
    const refused: Record<string, string> = {};
    for (const { name, path } of (corpus ?? []).filter(({ queryStatus }) => queryStatus === 0)) {
      try {
        parseFile(path);
      } catch (error) {
        if (!(error instanceof RpmParseError)) throw error;
        refused[name.replace('crafted/', '')] = error.code;
      }
    }
    expect(refused).toEqual(DANGEROUS);
  });
});

const SPECS: Readonly<Record<string, CraftSpec>> = {
  plain: {},
  oldFormat: { hasRegion: false },
  noarch: {
    name: 'tool',
    arch: 'noarch',
    epoch: 3,
    version: '2.0~rc1^git1',
    vendor: 'V',
    packager: 'P',
    url: 'http://u',
  },
  source: { isSource: true, files: [{ path: 'example.spec', content: 'Name: example' }] },
  large: { files: [{ path: '/var/lib/large', sizeBytes: 5_000_000_000, flags: 64 }] },
  full: {
    files: [
      { path: '/etc/tool.conf', content: 'a=b\n', flags: 1 },
      { path: '/usr/bin/tool', mode: 0o100755, content: '#!/bin/sh\n' },
      { path: '/usr/share/tool', mode: 0o040755, content: '' },
    ],
    dependencies: {
      requires: [{ name: '/bin/sh' }, { name: 'bash', flags: SENSE.GREATER_EQUAL, evr: '0:5.1-1' }],
      conflicts: [{ name: 'old', flags: SENSE.LESS, evr: '2' }],
      obsoletes: [{ name: 'older', flags: SENSE.LESS_EQUAL, evr: '1' }],
      recommends: [{ name: 'nano' }],
      suggests: [{ name: 'vim' }],
      supplements: [{ name: '(a and b)' }],
      enhances: [{ name: 'c' }],
    },
    changelogs: [{ author: 'Ada <ada@example.com> - 1.0-1', timeSeconds: 1_600_000_000, text: '- ünïcödé' }],
  },
};

describe('a crafted package', () => {
  let directory = '';
  const paths = new Map<string, string>();

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'rpmyard-craft-'));
    for (const [name, spec] of Object.entries(SPECS)) {
      const path = join(directory, `${name}.rpm`);
      writeFileSync(path, craftRpm(spec));
      paths.set(name, path);
    }
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  it.skipIf(lacks('rpm'))('is verified by rpm (needs rpm)', () => {
    const output = execFileSync('rpmkeys', ['-K', '--nosignature', ...paths.values()], { encoding: 'utf8' });
    expect(output.match(/digests OK/g)).toHaveLength(paths.size);
  });

  it.skipIf(lacks('rpm'))('says the same to rpm as to us (needs rpm)', () => {
    const files = [...paths.values()];
    expect(files.map((path) => describeLikeRpm(parseFile(path)))).toEqual(queryRpm(files));
  });

  it.skipIf(lacks('rpm'))(
    'has the NEVRA that rpm names it by, with and without the epoch (needs rpm)',
    () => {
      const files = [...paths.values()];
      const output = execFileSync('rpm', ['-qp', '--nosignature', '--qf', '%{NEVRA} %{NVRA}\n', ...files], {
        encoding: 'utf8',
      });
      const ours = files.map((path) => {
        // rpm gives the arch of the machine that built a source package.
        const nevra = toNevra({ ...parseFile(path), isSource: false });
        expect(parseNevra(formatNevra(nevra))).toEqual(nevra);
        return `${formatNevra(nevra)} ${formatNvra(nevra)}`;
      });
      expect(ours).toEqual(output.trimEnd().split('\n'));
    },
  );

  it.skipIf(lacks('createrepo_c'))('says the same to createrepo_c as to us (needs createrepo_c)', () => {
    const script = [
      'import createrepo_c, json, sys',
      'rows = []',
      'for path in sys.argv[1:]:',
      '    p = createrepo_c.package_from_rpm(path)',
      '    rows.append([p.name, p.version, p.release, p.arch, p.rpm_header_start, p.rpm_header_end,',
      '        p.size_installed, p.size_archive, len(p.files), len(p.provides), len(p.changelogs)])',
      'print(json.dumps(rows))',
    ].join('\n');
    const files = [...paths.values()];
    const output = execFileSync('/usr/bin/python3', ['-c', script, ...files], { encoding: 'utf8' });
    const ours = files.map((path) => {
      const rpm = parseFile(path);
      const counts = [rpm.files.length, rpm.dependencies.provides.length, rpm.changelogs.length];
      const sizes = [rpm.installedSizeBytes, rpm.archiveSizeBytes];
      const arch = rpm.isSource ? 'src' : rpm.arch;
      const { start, end } = rpm.headerRange;
      return [rpm.name, rpm.version, rpm.release, arch, start, end, ...sizes, ...counts];
    });
    expect(ours).toEqual(JSON.parse(output));
  });
});
