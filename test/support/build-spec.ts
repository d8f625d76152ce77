import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { createTempDir } from './temp-dir.ts';

/** One binary package of a spec file. */
export interface SpecPackage {
  /** Part of the name, after the spec's own. */
  readonly name: string;
  /** Lines of its preamble besides Summary. */
  readonly preamble?: readonly string[];
  readonly description?: string;
  /** Shell lines of %install. */
  readonly install?: readonly string[];
  /** Lines of %files. */
  readonly files?: readonly string[];
  /** Scriptlets as they stand in a spec file, `-n` and the package's name left to `%{self}`. */
  readonly scriptlets?: readonly string[];
}

export interface SpecFile {
  readonly name: string;
  readonly preamble?: readonly string[];
  readonly packages?: readonly SpecPackage[];
  /** Body of %changelog, the newest entry first. */
  readonly changelog?: string;
  /** Names of its sources, which are empty files. */
  readonly sources?: readonly string[];
  /** `-bs`: the source package only. */
  readonly isSource?: boolean;
}

const BUILD_LIMIT_MS = 120_000;

/** Builds all packages of one spec file with a single run of the real rpmbuild and puts them into `outDir`. */
export async function buildSpec(spec: SpecFile, outDir: string): Promise<void> {
  await using workDir = await createTempDir('rpmyard-rpmbuild-');
  const resultDir = join(workDir.path, 'result');
  const sourceDir = join(workDir.path, 'SOURCES');
  await Promise.all([outDir, resultDir, sourceDir].map((dir) => mkdir(dir, { recursive: true })));
  for (const source of spec.sources ?? []) await writeFile(join(sourceDir, source), '');
  const specPath = join(workDir.path, `${spec.name}.spec`);
  await writeFile(specPath, renderSpec(spec));
  const macros = {
    _topdir: workDir.path,
    _tmppath: workDir.path,
    _rpmdir: resultDir,
    _srcrpmdir: resultDir,
    _build_name_fmt: '%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm',
  };
  const defines = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  await execa('rpmbuild', [spec.isSource === true ? '-bs' : '-bb', '--nodeps', ...defines, specPath], {
    env: { HOME: workDir.path, LC_ALL: 'C.UTF-8', SOURCE_DATE_EPOCH: '1704164645' },
    timeout: BUILD_LIMIT_MS,
    stdin: 'ignore',
  });
  for (const fileName of await readdir(resultDir)) {
    await copyFile(join(resultDir, fileName), join(outDir, fileName));
  }
}

function renderSpec(spec: SpecFile): string {
  const packages = spec.packages ?? [];
  const lines = [
    '%define debug_package %{nil}',
    '%define __os_install_post %{nil}',
    '%define _build_id_links none',
    '%define _buildhost build.example.com',
    '%define use_source_date_epoch_as_buildtime 1',
    '%define source_date_epoch_from_changelog 0',
    '%define _binary_payload w6.gzdio',
    `Name: ${spec.name}`,
    'Version: 1.0',
    'Release: 1.el9',
    `Summary: Test packages of ${spec.name}`,
    'License: MIT',
    'AutoReqProv: no',
    ...(spec.sources ?? []).map((source, index) => `Source${index}: ${source}`),
    ...(spec.preamble ?? []),
    '%description',
    'Built for a test.',
    ...packages.flatMap((part) => renderPackage(spec, part)),
    '%install',
    'mkdir -p "$RPM_BUILD_ROOT"',
    ...packages.flatMap(({ install }) => install ?? []),
    ...(spec.changelog === undefined ? [] : ['%changelog', spec.changelog]),
  ];
  return `${lines.join('\n')}\n`;
}

function renderPackage(spec: SpecFile, part: SpecPackage): readonly string[] {
  const scriptlets = part.scriptlets ?? [];
  return [
    `%package ${part.name}`,
    `Summary: The part ${part.name}`,
    'AutoReqProv: no',
    ...(part.preamble ?? []),
    `%description ${part.name}`,
    part.description ?? `The part ${part.name}.`,
    ...scriptlets.map((line) => line.replaceAll('%{self}', `-n ${spec.name}-${part.name}`)),
    `%files ${part.name}`,
    '%defattr(0644,root,root,0755)',
    ...(part.files ?? []),
  ];
}
