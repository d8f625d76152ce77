import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTempDir, type TempDir } from './support/temp-dir.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LINT_LIMIT_MS = 60_000;

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

const STAGES = [
  'access',
  'adopt',
  'batches',
  'config',
  'drop',
  'receive',
  'inspect',
  'place',
  'push',
  'records',
  'reindex',
  'serve',
  'signing',
  'verify',
];

const FORBIDDEN: readonly Plant[] = [
  // The islands: nothing of the rest, no files, no network, not even types.
  importing('src/rpm-parser', 'node:fs/promises'),
  importing('src/rpm-parser', 'node:fs'),
  importing('src/rpm-parser', 'fs'),
  importing('src/rpm-parser', 'node:http'),
  importing('src/rpm-parser', '../errors.ts'),
  importing('src/rpm-parser', '../repodata/repomd.ts'),
  importing('src/rpm-parser', 'fastify'),
  typing('src/rpm-parser', '../errors.ts'),
  importing('src/repodata', '../errors.ts'),
  importing('src/repodata', '../durable-files.ts'),
  importing('src/repodata', '../rpm-parser/parse-rpm.ts'),
  importing('src/repodata', 'node:fs/promises'),
  importing('src/repodata', 'node:zlib'),
  typing('src/repodata', '../records/records.ts'),
  // The stages: no values of each other.
  ...STAGES.flatMap((folder) =>
    STAGES.filter((other) => other !== folder).map((other) => importing(`src/${folder}`, moduleOf(other))),
  ),
  ...STAGES.flatMap((folder) => [
    importing(`src/${folder}`, '../main.ts'),
    importing(`src/${folder}`, '../app.ts'),
    importing(`src/${folder}`, '../ingest.ts'),
    importing(`src/${folder}`, '../log.ts'),
    importing(`src/${folder}`, '../cli/help.ts'),
  ]),
  ...['config', 'drop', 'push', 'receive', 'records', 'serve', 'signing'].flatMap((folder) => [
    importing(`src/${folder}`, '../rpm-parser/parse-rpm.ts'),
    importing(`src/${folder}`, '../repodata/repomd.ts'),
  ]),
  importing('src/inspect', '../repodata/repomd.ts'),
  importing('src/place', '../repodata/repomd.ts'),
  // A leaf: what it reports on is told to it.
  ...['../main.ts', '../log.ts', '../durable-files.ts', '../config/load.ts', '../cli/help.ts'].map((from) =>
    importing('src/systemd', from),
  ),
  importing('src/serve', '../systemd/listen-fds.ts'),
  // What lies above and below them.
  importing('src', './main.ts'),
  importing('src', './cli/help.ts'),
  { path: 'src/ingest.ts', code: importing('', './receive/wait-query.ts').code },
  importing('src/ingest', '../receive/wait-query.ts'),
  importing('src/ingest', '../records/records.ts'),
  importing('src/receive', '../ingest/commit-batch.ts'),
  { path: 'src/errors.ts', code: importing('', './log.ts').code },
  { path: 'src/listen.ts', code: importing('', './log.ts').code },
  { path: 'src/log.ts', code: importing('', './version.ts').code },
  { path: 'src/version.ts', code: importing('', './errors.ts').code },
  { path: 'src/durable-files.ts', code: importing('', './errors.ts').code },
  { path: 'src/repodata-names.ts', code: importing('', './repodata/repomd.ts').code },
  { path: 'src/read-if-there.ts', code: importing('', './log.ts').code },
];

/** Other rules of the house that keep modules apart or promises from being lost. */
const FAULTS: readonly (Plant & { readonly rule: string })[] = [
  {
    path: 'src/place/default-export.ts',
    code: 'export default function planted(): number {\n  return 1;\n}\n',
    rule: 'import(no-default-export)',
  },
  {
    path: 'src/place/floating.ts',
    code: 'async function planted(): Promise<void> {}\nexport function run(): void {\n  planted();\n}\n',
    rule: 'typescript(no-floating-promises)',
  },
  {
    path: 'src/place/cycle-a.ts',
    code: "import { b } from './cycle-b.ts';\nexport const a = (): number => b();\n",
    rule: 'import(no-cycle)',
  },
  {
    path: 'src/place/any.ts',
    code: 'export const planted = (value: any): unknown => value;\n',
    rule: 'typescript(no-explicit-any)',
  },
  {
    path: 'src/place/console.ts',
    code: "export const planted = (): void => console.log('x');\n",
    rule: 'eslint(no-console)',
  },
  {
    path: 'src/place/exit.ts',
    code: 'export const planted = (): never => process.exit(1);\n',
    rule: 'unicorn(no-process-exit)',
  },
];

const ALLOWED: readonly Plant[] = [
  importing('src/cli', '../systemd/journal.ts'),
  typing('src/place', '../receive/wait-query.ts'),
  typing('src/receive', '../inspect/acceptance.ts'),
  typing('src/serve', '../reindex/marks.ts'),
  typing('src/reindex', '../records/records.ts'),
  importing('src/place', '../errors.ts'),
  importing('src/place', '../durable-files.ts'),
  ...['reindex', 'serve', 'verify'].map((folder) => importing(`src/${folder}`, '../repodata-names.ts')),
  importing('src/verify', '../read-if-there.ts'),
  ...['access', 'receive'].map((folder) => importing(`src/${folder}`, '../header-text.ts')),
  importing('src/place', '../rpm-parser/parse-rpm.ts'),
  importing('src/place', 'node:fs/promises'),
  importing('src/inspect', '../rpm-parser/parse-rpm.ts'),
  importing('src/reindex', '../rpm-parser/parse-rpm.ts'),
  importing('src/reindex', '../repodata/repomd.ts'),
  importing('src/push', '../errors.ts'),
  importing('src/push', '../file-digest.ts'),
  importing('src/cli', '../push/push-files.ts'),
  importing('src/adopt', '../errors.ts'),
  importing('src/adopt', '../nearest-existing.ts'),
  importing('src/adopt', '../repodata/repomd.ts'),
  typing('src/adopt', '../place/repository-layout.ts'),
  importing('src/verify', '../errors.ts'),
  importing('src/verify', '../durable-files.ts'),
  importing('src/verify', '../rpm-parser/parse-rpm.ts'),
  importing('src/verify', '../repodata/repomd.ts'),
  typing('src/verify', '../records/records.ts'),
  typing('src/verify', '../reindex/marks.ts'),
  importing('src/cli', '../verify/violation.ts'),
  importing('src/systemd', '../errors.ts'),
  importing('src/cli', '../systemd/listen-fds.ts'),
  importing('src/rpm-parser', './parse-rpm.ts'),
  importing('src/rpm-parser', 'node:crypto'),
  importing('src/repodata', 'saxes'),
  importing('src/cli', '../main.ts'),
  importing('src/cli', '../inspect/acceptance.ts'),
  {
    path: 'src/place/cycle-b.ts',
    code: "import { a } from './cycle-a.ts';\nexport const b = (): number => a();\n",
  },
];

/** A module that every stage has, so that imports of it can be resolved. */
function moduleOf(folder: string): string {
  const modules: Readonly<Record<string, string>> = {
    adopt: 'survey',
    batches: 'batch-store',
    config: 'load',
    drop: 'mount-calls',
    receive: 'wait-query',
    inspect: 'acceptance',
    place: 'arch-table',
    push: 'service-urls',
    records: 'records',
    reindex: 'marks',
    serve: 'render-listing',
    signing: 'keyring',
    verify: 'violation',
  };
  return `../${folder}/${modules[folder]}.ts`;
}

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
    const [first] = diagnostics.filter(({ filename }) => filename.startsWith('src/rpm-parser/planted'));
    expect(JSON.stringify(first)).toContain('island');
  });
});
