import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { createTempDir } from './temp-dir.ts';

/** 2024-01-02 03:04:05 UTC: the same spec gives the same header on every day. */
const DEFAULT_BUILD_TIME_SECONDS = 1_704_164_645;
const BUILD_LIMIT_MS = 120_000;

export interface RpmSpec {
  readonly name: string;
  /** Default 1.0. */
  readonly version?: string;
  /** Default 1.el9: the dist tag is part of it, rpmbuild's own is never used. */
  readonly release?: string;
  readonly epoch?: number;
  /** The package's tag, default noarch. */
  readonly arch?: string;
  /** A source package instead of a binary one; its ARCH is then the build arch. */
  readonly isSource?: boolean;
  readonly summary?: string;
  readonly description?: string;
  readonly license?: string;
  readonly vendor?: string;
  readonly group?: string;
  readonly url?: string;
  /** Each as it stands in a spec file: `name`, `name >= 1.0`, `(a if b)`. */
  readonly requires?: readonly string[];
  readonly provides?: readonly string[];
  readonly conflicts?: readonly string[];
  readonly obsoletes?: readonly string[];
  readonly recommends?: readonly string[];
  readonly suggests?: readonly string[];
  readonly supplements?: readonly string[];
  readonly enhances?: readonly string[];
  /** Absolute path in the package to its content. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Body of %changelog, the newest entry first. */
  readonly changelog?: string;
  readonly buildTimeSeconds?: number;
  /** rpm's `_binary_payload`, default w6.gzdio, which every rpm can read. */
  readonly payload?: string;
  /** Lines for the spec's preamble that have no field here. */
  readonly extraPreamble?: readonly string[];
}

/**
 * Builds one package with the real rpmbuild and returns its path, `<outDir>/<name>-<version>-<release>.<arch>.rpm`
 * (`.src.rpm` for a source package). No scriptlets and no automatic dependencies, so that it installs into an
 * empty root. Throws with rpmbuild's own words when it fails.
 */
export async function buildRpm(spec: RpmSpec, outDir: string): Promise<string> {
  await using workDir = await createTempDir('rpmyard-rpmbuild-');
  const resultDir = join(workDir.path, 'result');
  const payloadDir = join(workDir.path, 'payload');
  const specPath = join(workDir.path, `${spec.name}.spec`);
  await Promise.all([outDir, resultDir, payloadDir].map(async (dir) => mkdir(dir, { recursive: true })));
  for (const [path, content] of Object.entries(spec.files ?? {})) {
    const target = join(payloadDir, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content);
  }
  await writeFile(specPath, renderSpec(spec));

  const macros = {
    _topdir: workDir.path,
    _tmppath: workDir.path,
    _rpmdir: resultDir,
    _srcrpmdir: resultDir,
    _build_name_fmt: '%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm',
  };
  await execa(
    'rpmbuild',
    [
      spec.isSource === true ? '-bs' : '-bb',
      '--nodeps',
      ...Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`]),
      ...(isBuiltForNoarch(spec) ? [] : ['--target', `${archOf(spec)}-linux`]),
      specPath,
    ],
    {
      // The user's own ~/.rpmmacros must not change what is built.
      env: { HOME: workDir.path, LC_ALL: 'C.UTF-8', SOURCE_DATE_EPOCH: String(buildTimeSecondsOf(spec)) },
      timeout: BUILD_LIMIT_MS,
      stdin: 'ignore',
    },
  );
  // Awaited here: workDir is removed as soon as this function returns.
  return await copyOnlyResult(resultDir, outDir);
}

const archOf = (spec: RpmSpec): string => spec.arch ?? 'noarch';
const isBuiltForNoarch = (spec: RpmSpec): boolean => archOf(spec) === 'noarch';
const buildTimeSecondsOf = (spec: RpmSpec): number => spec.buildTimeSeconds ?? DEFAULT_BUILD_TIME_SECONDS;

function renderSpec(spec: RpmSpec): string {
  const lines = [
    '%define debug_package %{nil}',
    '%define __os_install_post %{nil}',
    '%define __spec_install_post %{nil}',
    '%define _build_id_links none',
    '%define _buildhost build.example.com',
    '%define use_source_date_epoch_as_buildtime 1',
    '%define clamp_mtime_to_source_date_epoch 1',
    '%define source_date_epoch_from_changelog 0',
    `%define _binary_payload ${spec.payload ?? 'w6.gzdio'}`,
    `%define _source_payload ${spec.payload ?? 'w6.gzdio'}`,
    `Name: ${spec.name}`,
    ...optional('Epoch', spec.epoch),
    `Version: ${spec.version ?? '1.0'}`,
    `Release: ${spec.release ?? '1.el9'}`,
    `Summary: ${spec.summary ?? `Test package ${spec.name}`}`,
    `License: ${spec.license ?? 'MIT'}`,
    ...optional('Vendor', spec.vendor),
    ...optional('Group', spec.group),
    ...optional('URL', spec.url),
    ...(isBuiltForNoarch(spec) ? ['BuildArch: noarch'] : []),
    'AutoReqProv: no',
    ...each('Requires', spec.requires),
    ...each('Provides', spec.provides),
    ...each('Conflicts', spec.conflicts),
    ...each('Obsoletes', spec.obsoletes),
    ...each('Recommends', spec.recommends),
    ...each('Suggests', spec.suggests),
    ...each('Supplements', spec.supplements),
    ...each('Enhances', spec.enhances),
    ...(spec.extraPreamble ?? []),
    '%description',
    spec.description ?? `Built for a test of ${spec.name}.`,
    '%install',
    // Shell variables, not macros or paths: a source package contains this spec with its macros expanded, and
    // must be the same on every run.
    'mkdir -p "$RPM_BUILD_ROOT"',
    'cp -R "$RPM_BUILD_DIR/../payload/." "$RPM_BUILD_ROOT/"',
    '%files',
    '%defattr(0644,root,root,0755)',
    ...Object.keys(spec.files ?? {}).map((path) => `"${path}"`),
    ...(spec.changelog === undefined ? [] : ['%changelog', spec.changelog]),
  ];
  return `${lines.join('\n')}\n`;
}

function optional(tag: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`${tag}: ${value}`];
}

function each(tag: string, values: readonly string[] | undefined): string[] {
  return (values ?? []).map((value) => `${tag}: ${value}`);
}

async function copyOnlyResult(resultDir: string, outDir: string): Promise<string> {
  const [fileName, ...others] = await readdir(resultDir);
  if (fileName === undefined || others.length > 0) {
    throw new Error(
      `expected one package from rpmbuild, found ${[fileName, ...others].join(', ') || 'none'}`,
    );
  }
  const target = join(outDir, fileName);
  // The two directories may lie on different mounts, where a rename fails.
  await copyFile(join(resultDir, fileName), target);
  return target;
}
