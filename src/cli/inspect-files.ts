import { realpath, stat } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { AppError, errnoOf, printable, toAppError } from '../errors.ts';
import { type InspectedPackage, inspectPackage } from '../inspect/inspect-package.ts';
import { NO_THREADS } from '../inspect/inspection-threads.ts';
import { createRepositoryLayout, type RepositoryLayout, type Target } from '../place/repository-layout.ts';
import { readConfig } from './read-config.ts';

type Inspection =
  | {
      readonly file: string;
      readonly inspected: InspectedPackage;
      readonly targets: readonly Target[] | AppError;
    }
  | { readonly file: string; readonly error: AppError };

/** `rpmyard inspect FILE...`: what packages are and where they would go. */
export async function inspectFiles(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      config: { type: 'string', short: 'c' },
      releasever: { type: 'string' },
    },
    allowPositionals: true,
  });
  if (positionals.length === 0) {
    throw new AppError('PARAMETER_INVALID', 'no file is named', { hint: 'rpmyard inspect pkg.rpm' });
  }
  const config = readConfig(values.config);
  const layout = createRepositoryLayout({ topDir: config.topDir, ...config.layout });
  let exitCode = 0;
  for (const file of positionals) {
    const inspection = await inspectFile(file, layout, values.releasever);
    if ('error' in inspection || inspection.targets instanceof AppError) exitCode = 1;
    // JSON leaves C1 and direction characters as they are; escaped they mean the same.
    const text = values.json ? `${printable(JSON.stringify(toJson(inspection)))}\n` : toText(inspection);
    process.stdout.write(text);
  }
  return exitCode;
}

async function inspectFile(
  file: string,
  layout: RepositoryLayout,
  releasever: string | undefined,
): Promise<Inspection> {
  try {
    const path = await realpath(file);
    const found = await stat(path);
    if (!found.isFile()) throw notReadable('it is no regular file');
    const { size } = found;
    const whole = { path, sizeBytes: size, sha256: undefined, expectedDigests: [] };
    const inspected = await inspectPackage(whole, NO_THREADS);
    return { file, inspected, targets: targetsOrError(inspected, layout, releasever) };
  } catch (error) {
    return { file, error: readingError(error) };
  }
}

function readingError(error: unknown): AppError {
  const errno = errnoOf(error);
  return errno === undefined ? toAppError(error) : notReadable(errno);
}

function notReadable(reason: string): AppError {
  return new AppError('NOT_FOUND', `the file cannot be read (${reason})`, {
    hint: 'Check its name and your rights.',
  });
}

/** A package that fits nowhere is still described. */
function targetsOrError(
  { rpm }: InspectedPackage,
  layout: RepositoryLayout,
  releasever: string | undefined,
): readonly Target[] | AppError {
  try {
    return layout.targetsOf(rpm, releasever);
  } catch (error) {
    return toAppError(error);
  }
}

function toJson(inspection: Inspection): object {
  const { file } = inspection;
  if ('error' in inspection) return { file, error: errorFacts(inspection.error) };
  const { inspected, targets } = inspection;
  const { rpm } = inspected;
  const facts = {
    file,
    nevra: inspected.nevra,
    name: rpm.name,
    epoch: rpm.epoch ?? null,
    version: rpm.version,
    release: rpm.release,
    arch: rpm.arch,
    isSource: rpm.isSource,
    formatMajor: rpm.formatMajor,
    isSigned: rpm.isSigned,
    summary: rpm.summary ?? null,
    buildTimeSeconds: rpm.buildTimeSeconds ?? null,
    fileCount: rpm.fileCount,
    sizeBytes: inspected.sizeBytes,
    sha256: inspected.sha256,
  };
  return targets instanceof AppError
    ? { ...facts, error: errorFacts(targets) }
    : { ...facts, targets: targets.map(({ repository, location }) => ({ repository, location })) };
}

function errorFacts({ code, message, hint }: AppError): object {
  return { code, detail: message, hint };
}

function toText(inspection: Inspection): string {
  const { file } = inspection;
  if ('error' in inspection) return `${printable(file)}\n${refusal(inspection.error)}`;
  const { inspected, targets } = inspection;
  const { rpm } = inspected;
  const kind = rpm.isSource ? 'source package' : 'package';
  const lines = [
    `  ${printable(inspected.nevra)}: ${printable(rpm.summary ?? 'no summary')}`,
    `  ${kind}, format ${rpm.formatMajor}, ${rpm.isSigned ? 'signed' : 'not signed'}, ${inspected.sizeBytes} bytes, files: ${rpm.fileCount}`,
    `  sha256 ${inspected.sha256}`,
  ];
  const places =
    targets instanceof AppError
      ? refusal(targets)
      : targets.map(({ repository, location }) => `  would go to ${repository}/${location}\n`).join('');
  return `${printable(file)}\n${lines.join('\n')}\n${places}`;
}

function refusal(error: AppError): string {
  const what = error.code === 'NOT_FOUND' ? 'not inspected' : 'would be refused';
  return `  ${what}: ${error.code}: ${error.message}\n  ${error.hint}\n`;
}
