import { splitRepositoryName, type RepositoryName } from '../rpm/repository-name.ts';
import { planMetadata, type MetadataPlan } from './plan-metadata.ts';
import type { StoredTree } from './read-stored.ts';
import type { SurveyedPackage, Survey } from './survey.ts';

/** A package and where it goes; the same bytes at several places are one. */
export interface PlannedPackage {
  readonly nevra: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** For ingestion; undefined when the release tag decides. */
  readonly releasever: string | undefined;
  /** For ingestion; undefined when the arch decides. */
  readonly basearches: readonly string[] | undefined;
  readonly location: string;
  /** Where it goes. */
  readonly repositories: readonly RepositoryName[];
  /** Those of them that lack it. */
  readonly missingIn: readonly RepositoryName[];
  /** Where it was found; the first one is taken. */
  readonly sources: readonly [SurveyedPackage, ...SurveyedPackage[]];
}

/** Packages that want one path with different bytes: a person decides. */
export interface Conflict {
  /** The repositories where the path is wanted: several for noarch packages. */
  readonly repositories: readonly RepositoryName[];
  readonly location: string;
  /** sha256 of the file that the tree has there; null when it has none, '' when that is no regular file. */
  readonly storedSha256: string | null;
  readonly claims: readonly {
    readonly nevra: string;
    readonly sha256: string;
    readonly paths: readonly string[];
  }[];
}

/** A note for the reader, which needs no decision. */
export interface Note {
  /** Of one. */
  readonly noun: string;
  readonly text: string;
  readonly paths: readonly string[];
}

export interface AdoptionPlan {
  /** In order of path. */
  readonly packages: readonly PlannedPackage[];
  readonly conflicts: readonly Conflict[];
  readonly metadata: MetadataPlan;
  readonly notes: readonly Note[];
}

/** Decides where each package goes. */
export function planAdoption(survey: Survey, stored: StoredTree): AdoptionPlan {
  const grouped = groupBytes(survey.packages);
  const conflicts = findConflicts(grouped, stored);
  const conflicting = new Set(
    conflicts.flatMap(({ repositories, location, claims }) =>
      repositories.flatMap((repository) => claims.map(({ sha256 }) => `${repository}/${location} ${sha256}`)),
    ),
  );
  const packages = grouped
    .filter(({ repositories, location, sha256 }) =>
      repositories.every((repository) => !conflicting.has(`${repository}/${location} ${sha256}`)),
    )
    .map((one) => ({
      ...one,
      missingIn: one.repositories.filter((repository) => !holds(stored, repository, one)),
    }));
  return {
    packages,
    conflicts,
    metadata: planMetadata(survey, packages, stored),
    notes: [...listPlaceNotes(survey.packages), ...listWarningNotes(survey.packages), ...notesOfTree(survey)],
  };
}

type Grouped = Omit<PlannedPackage, 'missingIn'>;

/** The same bytes for the same releasever are one package, whatever the files are called. */
function groupBytes(found: readonly SurveyedPackage[]): readonly Grouped[] {
  const groups = Map.groupBy(found, ({ sha256, releasever }) => `${sha256} ${releasever ?? ''}`);
  return [...groups.values()].flatMap((sources) => {
    // A file that need not be copied comes before others, then one that lies where it goes.
    const [first, ...others] = sources.toSorted((a, b) => rankSource(b) - rankSource(a));
    if (first === undefined) return [];
    const { nevra, sha256, sizeBytes, releasever, location } = first;
    const repositories = [...new Set(sources.flatMap((one) => one.repositories))];
    const isKept = sources.some(({ keptIn }) => keptIn !== undefined);
    const basearches = isKept ? repositories.map((one) => splitRepositoryName(one).basearch) : undefined;
    return [
      {
        nevra,
        sha256,
        sizeBytes,
        releasever,
        basearches,
        location,
        repositories,
        sources: [first, ...others],
      },
    ];
  });
}

function rankSource({ isLinkable, laidIn, repositories }: SurveyedPackage): number {
  const isAtHome = laidIn !== undefined && repositories.includes(laidIn);
  return 2 * Number(isLinkable) + Number(isAtHome);
}

function holds(
  stored: StoredTree,
  repository: RepositoryName,
  { location, sha256 }: { readonly location: string; readonly sha256: string },
): boolean {
  return stored.packages.get(`${repository}/${location}`)?.includes(sha256) ?? false;
}

function findConflicts(grouped: readonly Grouped[], stored: StoredTree): readonly Conflict[] {
  const claims = new Map<string, { repository: RepositoryName; location: string; packages: Grouped[] }>();
  for (const one of grouped) {
    for (const repository of one.repositories) {
      const key = `${repository}/${one.location}`;
      const claim = claims.get(key) ?? { repository, location: one.location, packages: [] };
      claim.packages.push(one);
      claims.set(key, claim);
    }
  }
  const found = [...claims].flatMap(([key, { repository, location, packages }]) => {
    const digests = stored.packages.get(key);
    // The tree's file stays as it is; the others have no place.
    const others = packages.filter(({ sha256 }) => !(digests?.includes(sha256) ?? false));
    const contents = Map.groupBy(others, ({ sha256 }) => sha256);
    if (digests === undefined ? contents.size < 2 : contents.size === 0) return [];
    return [
      {
        repositories: [repository],
        location,
        storedSha256: digests === undefined ? null : (digests[0] ?? ''),
        claims: [...contents].map(([sha256, same]) => ({
          nevra: same[0]?.nevra ?? '',
          sha256,
          paths: same.flatMap(({ sources }) => sources.map(({ path }) => path)),
        })),
      },
    ];
  });
  return merged(found);
}

/** One conflict for all repositories that a noarch package has it in. */
function merged(conflicts: readonly Conflict[]): readonly Conflict[] {
  const same = Map.groupBy(conflicts, ({ location, storedSha256, claims }) =>
    JSON.stringify([location, storedSha256, claims]),
  );
  return [...same.values()].flatMap(([first, ...others]) =>
    first === undefined
      ? []
      : [{ ...first, repositories: [first, ...others].flatMap(({ repositories }) => repositories) }],
  );
}

/** What lay elsewhere than it goes, as one note for each pair of places. */
function listPlaceNotes(found: readonly SurveyedPackage[]): readonly Note[] {
  const paths = Map.groupBy(
    found.filter((one) => findNote(one) !== undefined),
    (one) => findNote(one) ?? '',
  );
  return [...paths].map(([text, those]) => ({ noun: 'package', text, paths: those.map(({ path }) => path) }));
}

function findNote(found: SurveyedPackage): string | undefined {
  const { laidIn, repositories, releasever, taggedReleasever, isInTree, isInPlace } = found;
  const goesTo = listed(repositories);
  if (taggedReleasever !== undefined) {
    return `in ${laidIn ?? releasever ?? ''}, but built for ${taggedReleasever}; left there, because the directory may be right`;
  }
  if (isInTree && !isInPlace) {
    return `in the tree at another place than ${goesTo}; the misplaced name stays, for you to remove`;
  }
  if (laidIn === undefined || repositories.includes(laidIn)) return undefined;
  const ofDirectory = splitRepositoryName(laidIn).releasever;
  const [ofPackage = ''] = repositories.map((one) => splitRepositoryName(one).releasever);
  return ofDirectory === ofPackage
    ? `in ${laidIn}, but such packages go to ${goesTo}`
    : `in ${laidIn}, but built for ${ofPackage}; the place is ${goesTo}`;
}

/** The warnings that the answer to an upload would have. */
function listWarningNotes(found: readonly SurveyedPackage[]): readonly Note[] {
  const warned = found.flatMap(({ path, warnings }) =>
    warnings.map(({ code, text }) => ({ path, text: `taken with a warning: ${code}: ${text}` })),
  );
  return [...Map.groupBy(warned, ({ text }) => text)].map(([text, those]) => ({
    noun: 'package',
    text,
    paths: those.map(({ path }) => path),
  }));
}

function notesOfTree({ links, unnamed, deltas }: Survey): readonly Note[] {
  return [
    {
      noun: 'symbolic link',
      text: 'not followed: to a directory, to nothing, or of an owner other than root and the user of the service; packages elsewhere are adopted by a path of their own',
      paths: links,
    },
    {
      noun: 'package',
      text: 'that the index of its directory does not name; such a package is taken all the same, and hosts see it: move away what is to stay out',
      paths: unnamed,
    },
    { noun: 'delta package', text: 'not taken; hosts download whole ones', paths: deltas },
  ].filter(({ paths }) => paths.length > 0);
}

function listed(repositories: readonly RepositoryName[]): string {
  return repositories.join(', ');
}
