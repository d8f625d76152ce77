import { type RepositoryName, splitRepositoryName } from '../rpm/repository-name.ts';
import type { Applied } from '../intake/apply-plan.ts';
import type { AdoptionPlan, Conflict, PlannedPackage } from '../intake/plan-adoption.ts';
import type { MetadataConflict } from '../intake/plan-metadata.ts';
import type { RefusedFile, Survey } from '../intake/survey.ts';
import type { Transfer } from '../intake/transfer.ts';
import { wrap } from '../base/text/wrap-text.ts';
import { printable } from '../errors.ts';
import { sizeText } from '../base/text/size-text.ts';
import { counted, grouped } from './progress-bar.ts';

/** An adoption, planned or done. */
export interface Adoption {
  readonly survey: Survey;
  readonly plan: AdoptionPlan;
  readonly topDir: string;
  readonly transfer: Transfer;
  /** Undefined for a dry run. */
  readonly applied: Applied | undefined;
}

const WIDTH = 80;
const MAX_LISTED = 10;
const MAX_PATHS = 3;
const NOARCH_SUFFIX = '.noarch.rpm';
const BELOW_PACKAGES = /(?<=^|\/)Packages\/.*$/;

/** True when no decision and no repetition is left to a person. */
export function isSettled({ survey, plan, applied }: Adoption): boolean {
  return (
    survey.refusals.length === 0 &&
    plan.conflicts.length === 0 &&
    plan.metadata.conflicts.length === 0 &&
    plan.metadata.withoutRepository.length === 0 &&
    survey.missing.length === 0 &&
    (applied?.failures.length ?? 0) === 0
  );
}

/** The report for a terminal: totals, each repository, what has to be decided, notes, what to do next. */
export function renderAdoption(adoption: Adoption): string {
  const { survey, plan, applied } = adoption;
  return [
    renderTotals(adoption),
    renderRepositories(adoption),
    section('Conflicts: nothing of these is taken, decide which one is right', [
      ...plan.conflicts.map((conflict) => renderConflict(conflict, survey.root)),
      ...plan.metadata.conflicts.map((conflict) => renderMetadataConflict(conflict, survey.root)),
    ]),
    section('Refused', renderRefusals(survey.refusals)),
    section(
      'Named by an index, and not taken: hosts would miss these',
      survey.missing.map(({ path, reason }) => `  ${printable(path)}\n${wrapped(printable(reason), 6)}`),
    ),
    section('Failed', renderRefusals(applied?.failures ?? [])),
    section('Notes', renderNotes(survey, plan)),
    renderEnd(adoption),
  ].join('');
}

/** The report as one JSON document, on one line. JSON leaves C1 and direction characters as they are; escaped they mean the same. */
export function adoptionAsJson(adoption: Adoption): string {
  const { survey, plan, ...facts } = adoption;
  const { packages: found, metadata: _, ...others } = survey;
  return printable(
    JSON.stringify({
      isSettled: isSettled(adoption),
      ...facts,
      ...others,
      fileCount: found.length,
      packages: plan.packages.map(({ sources, ...one }) => ({
        ...one,
        paths: sources.map(({ path }) => path),
      })),
      conflicts: plan.conflicts,
      metadata: {
        ...plan.metadata,
        planned: plan.metadata.planned.map(({ source, ...one }) => ({ ...one, path: source.path })),
      },
      notes: plan.notes,
    }),
  );
}

function renderTotals({ survey, plan, transfer, applied }: Adoption): string {
  const { packages, refusals } = survey;
  const missing = plan.packages.filter(({ missingIn }) => missingIn.length > 0);
  const conflicting = plan.conflicts.flatMap(({ claims }) => claims.flatMap(({ paths }) => paths));
  const copies = plan.packages.reduce((sum, { sources }) => sum + sources.length - 1, 0);
  const sizeBytes = packages.reduce((sum, one) => sum + one.sizeBytes, 0);
  const lines = [
    ...(applied === undefined
      ? [line(missing.length, `would be taken: ${howTransferred(transfer)}`)]
      : [
          line(
            applied.takenCount,
            `taken: ${grouped(applied.linkCount)} linked, ${grouped(applied.copyCount)} copied`,
          ),
        ]),
    line(plan.packages.length - missing.length, 'there already'),
    line(copies, 'more copies of the same bytes'),
    line(new Set(conflicting).size, 'in conflict'),
    line(refusals.length, 'refused'),
    line(applied?.failures.length ?? 0, 'failed'),
  ];
  const title = `${printable(survey.root)}: ${counted(packages.length + refusals.length, 'package file')}, ${sizeText(sizeBytes)}`;
  return `${title}\n${lines.join('')}`;
}

function howTransferred({ linkCount, copyCount, copyBytes, freeBytes }: Transfer): string {
  const links = counted(linkCount, 'link');
  if (copyCount === 0) return `${links}, nothing to copy`;
  const room = freeBytes === undefined ? '' : ` of ${sizeText(freeBytes)} free`;
  return `${links}, ${copyCount === 1 ? '1 copy' : `${grouped(copyCount)} copies`} (${sizeText(copyBytes)}${room})`;
}

function line(count: number, text: string): string {
  return count === 0 ? '' : `${grouped(count).padStart(9)}  ${text}\n`;
}

function renderRepositories({ survey, plan, applied }: Adoption): string {
  const byRepository = new Map<RepositoryName, PlannedPackage[]>();
  for (const planned of plan.packages) {
    for (const repository of planned.repositories) {
      const packages = byRepository.get(repository) ?? [];
      packages.push(planned);
      byRepository.set(repository, packages);
    }
  }
  const blocks = [...byRepository]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([repository, planned]) => {
      const missing = planned.filter(({ missingIn }) => missingIn.includes(repository)).length;
      const done = applied?.published.find((one) => one.repository === repository);
      const published =
        done === undefined
          ? ''
          : `      published: ${counted(done.packageCount, 'package')}, revision ${done.revision}\n`;
      const news = missing === 0 ? 'all there' : missing === planned.length ? 'all new' : `${missing} new`;
      const types = plan.metadata.planned
        .filter((one) => one.repository === repository)
        .map(({ type }) => type);
      return [
        `  ${repository}: ${counted(planned.length, 'package')}, ${news}\n`,
        listed(listDirectories(planned, survey.root), '      from '),
        types.length === 0 ? '' : `      with ${types.join(', ')}\n`,
        published,
      ].join('');
    });
  return section('Repositories', blocks, blocks.length);
}

/** The directories that packages come from, without the letters that some have below `Packages`. */
function listDirectories(planned: readonly PlannedPackage[], root: string): readonly string[] {
  const counts = new Map<string, number>();
  for (const { sources } of planned) {
    const { path } = sources[0];
    const parent = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : root;
    const directory = parent.replace(BELOW_PACKAGES, 'Packages');
    counts.set(directory, (counts.get(directory) ?? 0) + 1);
  }
  return [...counts].toSorted(([, a], [, b]) => b - a).map(([directory]) => directory);
}

function renderConflict({ repositories, location, storedSha256, claims }: Conflict, root: string): string {
  const stored =
    storedSha256 === null
      ? ''
      : `    published here: ${storedSha256 === '' ? 'something that is no regular file' : `sha256 ${short(storedSha256)}`}\n`;
  const found = claims.map(
    ({ nevra, sha256, paths }) =>
      `${wrapped(`in ${printable(root)}: sha256 ${short(sha256)} ${printable(nevra)}`, 4)}${listed(paths, '      ')}`,
  );
  const choice = [
    ...(claims.length > 1
      ? [`Move those that are wrong out of ${printable(root)}, and run this again.`]
      : []),
    ...(storedSha256 === null || storedSha256 === '' ? [] : [renderChoice(repositories, location, root)]),
  ].map((text) => wrapped(text, 4));
  return `${wrapped(`${printable(location)} of ${repositories.join(', ')}`, 2)}${stored}${found.join('')}${choice.join('')}`;
}

function renderChoice(repositories: readonly RepositoryName[], location: string, root: string): string {
  const only = repositories.map((repository) => `--in ${repository}`).join(' ');
  const file = printable(location.slice(location.lastIndexOf('/') + 1));
  return `What is published here stays. To take the one in ${printable(root)} instead: rpmyard remove ${only} ${file}, then this again.`;
}

function renderMetadataConflict(
  { repository, type, isStored, paths }: MetadataConflict,
  root: string,
): string {
  const reason = isStored ? 'published here is another one' : `there are several in ${printable(root)}`;
  return `${wrapped(`${printable(type)} of ${repository}: ${reason}`, 2)}${listed(paths, '    ')}${wrapped('Put the one that is right with curl -T <file> <public_url>/api/v1/repositories/<repository>/metadata/<type>.', 4)}`;
}

/** Those with the same remedy together: it is one decision for all of them. */
function renderRefusals(refusals: readonly RefusedFile[]): readonly string[] {
  const groups = Map.groupBy(refusals, ({ code, hint }) => `${code}\n${hint}`);
  return [...groups.values()]
    .toSorted((a, b) => b.length - a.length)
    .map((group) => {
      const [first] = group;
      const shown = group
        .slice(0, MAX_PATHS)
        .map(({ path, message }) => `    ${printable(path)}\n${wrapped(printable(message), 6)}`);
      const more = group.length - MAX_PATHS;
      return [
        `  ${grouped(group.length)} ${first?.code ?? ''}\n`,
        wrapped(printable(first?.hint ?? ''), 4),
        ...shown,
        more > 0 ? `    and ${grouped(more)} more\n` : '',
      ].join('');
    });
}

function renderNotes(
  { leftOutTypes }: Survey,
  { notes, metadata, packages }: AdoptionPlan,
): readonly string[] {
  const left =
    metadata.withoutRepository.length === 0
      ? []
      : [
          {
            noun: 'metadata file',
            text: 'of directories without a package that goes anywhere: put what is wanted of them with curl -T <file> <public_url>/api/v1/repositories/<repository>/metadata/<type>',
            paths: metadata.withoutRepository,
          },
        ];
  const types = Map.groupBy(leftOutTypes, whyLeftOut);
  const leftOut = [...types].map(([text, paths]) => ({ noun: 'metadata type', text, paths }));
  const listedNotes = [...notes, ...left, ...leftOut].map(
    ({ noun, text, paths }) =>
      `${wrapped(`${counted(paths.length, noun)} ${text}`, 2)}${listed(paths, '      ')}`,
  );
  return [...listedNotes, ...noarchNote(packages)];
}

/** The repositories have another number of packages than the directory, which surprises. */
function noarchNote(packages: AdoptionPlan['packages']): readonly string[] {
  const noarch = packages.filter(({ location }) => location.endsWith(NOARCH_SUFFIX));
  if (noarch.length === 0) return [];
  const names = noarch.flatMap(({ repositories }) =>
    repositories.map((name) => splitRepositoryName(name).basearch),
  );
  const basearches = [...new Set(names)].toSorted().join(' and ');
  return [
    wrapped(`${counted(noarch.length, 'noarch package')} for ${basearches}: layout.noarch says for which`, 2),
  ];
}

/** Why metadata of a type is not taken. */
function whyLeftOut(type: string): string {
  if (/^(?:prestodelta|deltainfo)(?:_|$)/.test(type))
    return 'left out: they list delta packages, which are not taken';
  if (/^(?:primary|filelists|filelists[-_]ext|other)_/.test(type)) {
    return 'left out: the index is made anew from the packages, without these forms of it';
  }
  if (/_(?:zck|lzma|db)$/.test(type)) return 'left out: other forms of a type, which is published with gzip';
  return 'left out: their name is none that metadata can be put as';
}

function renderEnd(adoption: Adoption): string {
  const { applied, plan, survey } = adoption;
  if (survey.packages.length === 0) {
    return `\nThere is no package below ${printable(survey.root)} that could be taken over.\n`;
  }
  if (applied !== undefined) {
    return isSettled(adoption)
      ? '\nAll is taken over. Start the service again.\n'
      : '\nThe same command again takes what is mended; what is there stays as it is.\n';
  }
  const isAnythingMissing =
    plan.packages.some(({ missingIn }) => missingIn.length > 0) ||
    plan.metadata.planned.some(({ isMissing }) => isMissing);
  if (!isAnythingMissing) return isSettled(adoption) ? '\nEverything is there already.\n' : '';
  return '\nNothing was changed. With --apply this is done; the directory stays as it is.\n';
}

function section(title: string, entries: readonly string[], maxListed = MAX_LISTED): string {
  if (entries.length === 0) return '';
  const more = entries.length - maxListed;
  const rest = more > 0 ? `  ... and ${grouped(more)} more, --json shows all\n` : '';
  return `\n${title}\n${entries.slice(0, maxListed).join('')}${rest}`;
}

/** Some of them, on one line where that fits, else below each other. */
function listed(paths: readonly string[], prefix: string): string {
  const more = paths.length - MAX_PATHS;
  const shown = [
    ...paths.slice(0, MAX_PATHS).map(printable),
    ...(more > 0 ? [`and ${grouped(more)} more`] : []),
  ];
  const oneLine = `${prefix}${shown.join(', ')}`;
  if (oneLine.length <= WIDTH) return `${oneLine}\n`;
  return `${prefix}${shown.join(`\n${' '.repeat(prefix.length)}`)}\n`;
}

function wrapped(text: string, indent: number): string {
  return wrap(text, WIDTH - indent)
    .map((one) => `${' '.repeat(indent)}${one}\n`)
    .join('');
}

function short(sha256: string): string {
  return `${sha256.slice(0, 16)}...`;
}
