import { realpath, stat } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { AppError, errnoOf, printable, toAppError } from '../errors.ts';
import { type InspectedPackage, inspectPackage } from '../intake/inspect-package.ts';
import { refuseUnfitTexts } from '../intake/find-text-warnings.ts';
import { NO_THREADS } from '../intake/inspection-threads.ts';
import { createRepositoryLayout, type RepositoryLayout, type Target } from '../storage/repository-layout.ts';
import { checkPackageSignature } from '../trust/check-package-signature.ts';
import { createGpgv } from '../trust/create-gpgv.ts';
import { describeWeakness } from '../trust/describe-weakness.ts';
import { type FindKeyring, makePackageKeyrings } from '../trust/package-keyrings.ts';
import { findPackageWarnings } from '../intake/find-package-warnings.ts';
import type { PackageWarning } from '../api/package-warning.ts';
import type { SignatureVerdict } from '../api/signature-verdict.ts';
import type { Config } from '../base/config/load.ts';
import { INSPECT } from './commands.ts';
import { readConfig } from './read-config.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { formatNevra } from '../rpm/nevra.ts';

/** Where a package would go, and its signature as that repository sees it. */
type Place = Pick<Target, 'repository' | 'location'> & { readonly signature: SignatureVerdict | undefined };

type Inspection =
  | {
      readonly file: string;
      readonly inspected: InspectedPackage;
      /** Or why it would be refused. */
      readonly places: readonly Place[] | AppError;
      readonly warnings: readonly PackageWarning[];
    }
  | { readonly file: string; readonly error: AppError };

/** `rpmyard inspect FILE...`: what packages are and where they would go. */
export async function inspectFiles(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: INSPECT.options,
    allowPositionals: true,
  });
  if (positionals.length === 0) {
    throw new AppError('PARAMETER_INVALID', 'no file is named', { hint: 'rpmyard inspect pkg.rpm' });
  }
  const config = readConfig(values);
  const layout = createRepositoryLayout({ topDir: config.topDir, ...config.layout });
  await using keyrings = await temporaryFolder('rpmyard-keyrings-');
  const findKeyring = await makePackageKeyrings(config.keyrings, keyrings.path, createGpgv());
  return await inspectEach(
    positionals,
    { layout, findKeyring, releasever: values.releasever, engine: config.reindex.engine },
    values.json === true,
  );
}

/** The rules that an inspection applies. */
interface Rules {
  readonly layout: RepositoryLayout;
  readonly findKeyring: FindKeyring;
  readonly releasever: string | undefined;
  readonly engine: Config['reindex']['engine'];
}

async function inspectEach(files: readonly string[], rules: Rules, isJson: boolean): Promise<number> {
  let exitCode = 0;
  for (const file of files) {
    const inspection = await inspectFile(file, rules);
    if ('error' in inspection || inspection.places instanceof AppError) exitCode = 1;
    // JSON leaves C1 and direction characters as they are; escaped they mean the same.
    const text = isJson ? `${printable(JSON.stringify(toJson(inspection)))}\n` : toText(inspection);
    process.stdout.write(text);
  }
  return exitCode;
}

async function inspectFile(file: string, rules: Rules): Promise<Inspection> {
  try {
    const path = await realpath(file);
    const found = await stat(path);
    if (!found.isFile()) throw notReadable('it is no regular file');
    const { size } = found;
    const whole = { path, sizeBytes: size, sha256: undefined, expectedDigests: [] };
    const inspected = await inspectPackage(whole, NO_THREADS);
    refuseUnfitTexts(rules.engine, inspected.rpm);
    const places = await placesOrError(path, inspected, rules);
    const repositories = places instanceof AppError ? [] : places.map(({ repository }) => repository);
    return { file, inspected, places, warnings: findPackageWarnings(inspected.rpm, repositories) };
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

/** A package that fits no repository, or is not signed as it should be, is still described. */
async function placesOrError(
  path: string,
  inspected: InspectedPackage,
  { layout, findKeyring, releasever }: Rules,
): Promise<readonly Place[] | AppError> {
  try {
    const targets = layout.targetsOf(inspected.rpm, releasever);
    const repositories = targets.map(({ repository }) => repository);
    const signatures = await checkPackageSignature({ path, ...inspected }, repositories, findKeyring);
    return targets.map(({ repository, location }) => ({
      repository,
      location,
      signature: signatures.get(repository),
    }));
  } catch (error) {
    return toAppError(error);
  }
}

function toJson(inspection: Inspection): object {
  const { file } = inspection;
  if ('error' in inspection) return { file, error: errorFacts(inspection.error) };
  const { inspected, places, warnings } = inspection;
  const { rpm } = inspected;
  const facts = {
    file,
    nevra: formatNevra(inspected.nevra),
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
    ...(warnings.length > 0 && { warnings }),
  };
  return places instanceof AppError ? { ...facts, error: errorFacts(places) } : { ...facts, targets: places };
}

function errorFacts({ code, message, hint, details }: AppError): object {
  const { signature } = details;
  return { code, detail: message, hint, ...(signature !== undefined && { signature }) };
}

function toText(inspection: Inspection): string {
  const { file } = inspection;
  if ('error' in inspection) return `${printable(file)}\n${refusal(inspection.error)}`;
  const { inspected, places, warnings } = inspection;
  const { rpm } = inspected;
  const kind = rpm.isSource ? 'source package' : 'package';
  const lines = [
    `  ${printable(formatNevra(inspected.nevra))}: ${printable(rpm.summary ?? 'no summary')}`,
    `  ${kind}, format ${rpm.formatMajor}, ${rpm.isSigned ? 'signed' : 'not signed'}, ${inspected.sizeBytes} bytes, files: ${rpm.fileCount}`,
    `  sha256 ${inspected.sha256}`,
    ...warnings.map(({ code, text }) => printable(`  warning: ${code}: ${text}`)),
  ];
  const placeLines =
    places instanceof AppError
      ? refusal(places)
      : places
          .map((place) => `  would go to ${place.repository}/${place.location}${signatureText(place)}\n`)
          .join('');
  return `${printable(file)}\n${lines.join('\n')}\n${placeLines}`;
}

/** The verdict of a keyring; without a keyring there is nothing to add. */
function signatureText({ signature }: Place): string {
  if (signature?.keyId === undefined) return '';
  const { state, keyId, userId, weakness } = signature;
  const why = weakness === undefined ? '' : ` (${describeWeakness(weakness)})`;
  return `, signature ${state}${why}: key ${keyId}${userId === undefined ? '' : ` (${printable(userId)})`}`;
}

function refusal(error: AppError): string {
  const what = error.code === 'NOT_FOUND' ? 'not inspected' : 'would be refused';
  return `  ${what}: ${error.code}: ${error.message}\n  ${error.hint}\n`;
}
