import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTempDir, type TempDir } from './support/temp-dir.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LINT_LIMIT_MS = 120_000;

const IMPORTS = 'eslint(no-restricted-imports)';

interface Plant {
  /** Path of the planted file. */
  readonly path: string;
  readonly code: string;
}

/** A file in `folder` that imports a value from `from`. */
const importing = (folder: string, from: string): Plant => ({
  path: `${folder}/planted-${from.replaceAll(/[^a-z]+/g, '-')}.ts`,
  code: `import * as planted from '${from}';\nexport const used = planted;\n`,
});

/** The same, but only types. */
const typing = (folder: string, from: string): Plant => ({
  path: `${folder}/typed-${from.replaceAll(/[^a-z]+/g, '-')}.ts`,
  code: `import type * as planted from '${from}';\nexport type Used = typeof planted;\n`,
});

/** From the top to the bottom, each with a module of its own that others may import. */
const DISTRICTS = {
  cli: 'help',
  boot: 'open-tree',
  http: 'wait-query',
  observe: 'metrics',
  indexing: 'repository-schedule',
  intake: 'spooled-upload',
  client: 'push-files',
  trust: 'requester',
  storage: 'records',
  api: 'batch-id',
  rpm: 'repository-name',
  base: 'version',
};

/** A folder of each district that is its own, with a module in it. */
const PRIVATE = {
  http: 'hooks/guard-routes',
  indexing: 'rebuild/scan-published',
  intake: 'inspect/acceptance',
  client: 'push/send-body',
  trust: 'access/credentials',
  storage: 'local/migrations',
};

const NAMES = Object.keys(DISTRICTS);
const faceOf = (name: string, module: string | undefined): string => `../${name}/${module}.ts`;
/** It knows the service by its URL alone, so what only the service has is above it too. */
const aboveClient = ['trust', 'storage'];

function isAbove(upper: string, lower: string): boolean {
  if (lower === 'client' && aboveClient.includes(upper)) return true;
  // The client is no part of the service.
  if (upper === 'client' && ['boot', 'http', 'observe', 'indexing', 'intake'].includes(lower))
    return lower !== 'boot';
  if (upper === 'api' && lower === 'rpm') return false;
  return NAMES.indexOf(upper) < NAMES.indexOf(lower);
}

const pairs = Object.entries(DISTRICTS).flatMap(([other, module]) =>
  NAMES.filter((name) => name !== other).map((name) => ({ name, other, from: faceOf(other, module) })),
);

const FORBIDDEN: readonly Plant[] = [
  ...pairs
    .filter(({ name, other }) => isAbove(other, name))
    .flatMap(({ name, from }) => [importing(`src/${name}`, from), typing(`src/${name}/inner`, `../${from}`)]),
  ...Object.entries(PRIVATE).flatMap(([other, module]) =>
    ['cli', 'boot'].map((name) => importing(`src/${name}`, faceOf(other, module))),
  ),
  // The islands: nothing of the rest, no files, no network, not even types.
  ...[
    'node:fs/promises',
    'node:fs',
    'fs',
    'node:http',
    '../../errors.ts',
    '../repodata/repomd.ts',
    'fastify',
  ].map((from) => importing('src/rpm/rpm-parser', from)),
  typing('src/rpm/rpm-parser', '../../errors.ts'),
  ...[
    '../../errors.ts',
    '../../base/files/durable-files.ts',
    '../rpm-parser/parse-rpm.ts',
    'node:fs/promises',
    'node:zlib',
  ].map((from) => importing('src/rpm/repodata', from)),
  typing('src/rpm/repodata', '../../storage/records.ts'),
];

/** Other rules of the house that keep modules apart or promises from being lost. */
const FAULTS: readonly (Plant & { readonly rule: string })[] = [
  {
    path: 'src/storage/default-export.ts',
    code: 'export default function planted(): number {\n  return 1;\n}\n',
    rule: 'import(no-default-export)',
  },
  {
    path: 'src/storage/floating.ts',
    code: 'async function planted(): Promise<void> {}\nexport function run(): void {\n  planted();\n}\n',
    rule: 'typescript(no-floating-promises)',
  },
  {
    path: 'src/storage/cycle-a.ts',
    code: "import { b } from './cycle-b.ts';\nexport const a = (): number => b();\n",
    rule: 'import(no-cycle)',
  },
  {
    path: 'src/storage/any.ts',
    code: 'export const planted = (value: any): unknown => value;\n',
    rule: 'typescript(no-explicit-any)',
  },
  {
    path: 'src/storage/console.ts',
    code: "export const planted = (): void => console.log('x');\n",
    rule: 'eslint(no-console)',
  },
  {
    path: 'src/storage/exit.ts',
    code: 'export const planted = (): never => process.exit(1);\n',
    rule: 'unicorn(no-process-exit)',
  },
];

const ALLOWED: readonly Plant[] = [
  ...pairs
    .filter(({ name, other }) => !isAbove(other, name))
    .map(({ name, from }) => importing(`src/${name}`, from)),
  importing('src/http', './hooks/guard-routes.ts'),
  importing('src/intake/adopt', '../inspect/acceptance.ts'),
  importing('src/rpm/rpm-parser', './parse-rpm.ts'),
  importing('src/rpm/rpm-parser', 'node:crypto'),
  importing('src/rpm/repodata', 'saxes'),
  importing('src/indexing', '../rpm/repodata/repomd.ts'),
  {
    path: 'src/storage/cycle-b.ts',
    code: "import { a } from './cycle-a.ts';\nexport const b = (): number => a();\n",
  },
];

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
  readonly message: string;
}

let dir: TempDir;
let diagnostics: readonly Diagnostic[];

/** Plants every file in a copy of src/ and lints that copy once. */
beforeAll(async () => {
  dir = await createTempDir();
  for (const name of ['src', '.oxlintrc.json', 'tsconfig.json', 'package.json']) {
    await cp(join(ROOT, name), join(dir.path, name), { recursive: true });
  }
  await symlink(join(ROOT, 'node_modules'), join(dir.path, 'node_modules'));
  for (const { path, code } of [...FORBIDDEN, ...FAULTS, ...ALLOWED]) {
    await mkdir(dirname(join(dir.path, path)), { recursive: true });
    await writeFile(join(dir.path, path), code);
  }
  const oxlint = join(ROOT, 'node_modules/.bin/oxlint');
  const { stdout } = await execa(oxlint, ['--type-aware', '--deny-warnings', '--format=json', 'src'], {
    cwd: dir.path,
    reject: false,
    timeout: LINT_LIMIT_MS,
    env: { PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}` },
  });
  const report: { readonly diagnostics: readonly Diagnostic[] } = JSON.parse(stdout);
  ({ diagnostics } = report);
});

afterAll(() => dir.remove());

const rulesOf = (path: string): readonly string[] =>
  diagnostics.filter(({ filename }) => filename === path).map(({ code }) => code);

describe('the linter', () => {
  it.each(FORBIDDEN.map(({ path, code }) => [path, code.split('\n')[0] ?? '', path]))(
    'refuses in %s: %s',
    (_, line, path) => {
      expect(rulesOf(path), line).toContain(IMPORTS);
    },
  );

  it.each(FAULTS.map(({ path, rule }) => [rule, path]))('finds %s in %s', (rule, path) => {
    expect(rulesOf(path)).toContain(rule);
  });

  it.each(ALLOWED.map(({ path, code }) => [path, code.split('\n')[0] ?? '', path]))(
    'allows in %s: %s',
    (_, line, path) => {
      expect(rulesOf(path), line).not.toContain(IMPORTS);
    },
  );

  it('says why', () => {
    const [first] = diagnostics.filter(({ filename }) => filename.startsWith('src/rpm/rpm-parser/planted'));
    expect(JSON.stringify(first)).toContain('island');
  });
});
