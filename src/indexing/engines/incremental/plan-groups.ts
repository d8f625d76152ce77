import type { IndexFormatName } from './index-format.ts';
import { type IndexedPackage, countOpenBytes, type PackageGroup } from './package-group.ts';

/** A package to be described anew. */
export interface NewPackage {
  readonly location: string;
  /** Its sha256 when it is known and believed. */
  readonly sha256: string | undefined;
  /** The sha256 that was acknowledged: other bytes are not described. */
  readonly acknowledged?: string | undefined;
  /** A group of it alone: its published text stays, and its file is not described. */
  readonly published?: PackageGroup;
}

/** A package of a group that is rebuilt: described already, or new. */
export type Piece =
  | { readonly group: PackageGroup; readonly index: number }
  | { readonly package: NewPackage };

/** One step of a new index: a group taken as it is, or pieces that become one or more groups. */
export type PlanStep = { readonly reuse: PackageGroup } | { readonly rebuild: readonly Piece[] };

/** What a group's text comes to, all three files together; groups are cut between three quarters and one and a half of it. */
export const GROUP_BYTES = 512 * 1024;

// A group of less is put together with its neighbour when it changes.
const SMALL_GROUP_BYTES = GROUP_BYTES / 2;
// One thread's work at a time: small enough that threads finish together, and for memory.
export const STEP_BYTES = 8 * GROUP_BYTES;
// A guess, only to divide the work: the mean of a distribution.
const NEW_PACKAGE_BYTES = 8 * 1024;

interface Change {
  readonly group: PackageGroup | undefined;
  readonly added: readonly NewPackage[];
  isDirty: boolean;
}

/**
 * Decides which groups of an index stay as they are and which are rebuilt.
 * @param groups in order of location.
 * @param removed locations that are to leave, or to be described anew.
 * @param added in order of location.
 * @param format groups in another one are rebuilt.
 */
export function planGroups(options: {
  readonly groups: readonly PackageGroup[];
  readonly removed: ReadonlySet<string>;
  readonly added: readonly NewPackage[];
  readonly format: IndexFormatName;
}): readonly PlanStep[] {
  const { groups, removed, added, format } = options;
  const changes = assign(groups, added);
  for (const change of changes) change.isDirty = isTouched(change, removed, format);
  for (const [index, change] of changes.entries()) {
    const neighbour = changes[index + 1] ?? changes[index - 1];
    if (change.isDirty && neighbour !== undefined && remainingBytes(change, removed) < SMALL_GROUP_BYTES) {
      neighbour.isDirty = true;
    }
  }
  const steps: PlanStep[] = [];
  let run: Change[] = [];
  for (const change of changes) {
    if (change.isDirty) {
      run.push(change);
      continue;
    }
    steps.push(...planSteps(run, removed));
    run = [];
    if (change.group !== undefined) steps.push({ reuse: change.group });
  }
  return [...steps, ...planSteps(run, removed)];
}

/** Gives each new package to the group in whose range it lies. */
function assign(groups: readonly PackageGroup[], added: readonly NewPackage[]): readonly Change[] {
  if (groups.length === 0) return [{ group: undefined, added, isDirty: false }];
  let start = 0;
  return groups.map((group, index) => {
    const end = endOfRange(added, start, groups[index + 1]?.packages[0]?.location);
    const mine = added.slice(start, end);
    start = end;
    return { group, added: mine, isDirty: false };
  });
}

/** Index of the first new package from `start` on that lies at or behind a location; all, when there is none. */
function endOfRange(added: readonly NewPackage[], start: number, location: string | undefined): number {
  if (location === undefined) return added.length;
  for (let index = start; index < added.length; index += 1) {
    if ((added[index]?.location ?? '') >= location) return index;
  }
  return added.length;
}

function isTouched({ group, added }: Change, removed: ReadonlySet<string>, format: IndexFormatName): boolean {
  if (added.length > 0) return true;
  if (group === undefined) return false;
  if (group.segments.primary.format !== format) return true;
  return removed.size > 0 && group.packages.some(({ location }) => removed.has(location));
}

function remainingBytes({ group, added }: Change, removed: ReadonlySet<string>): number {
  const newBytes = added.length * NEW_PACKAGE_BYTES;
  if (group === undefined) return newBytes;
  return group.packages
    .filter(({ location }) => !removed.has(location))
    .reduce((sum, kept) => sum + sumTextBytes(kept), newBytes);
}

function sumTextBytes({ textBytes }: IndexedPackage): number {
  return textBytes.primary + textBytes.filelists + textBytes.other;
}

/** The pieces of neighbouring groups in order of location, divided into steps of a bearable size. */
function planSteps(run: readonly Change[], removed: ReadonlySet<string>): readonly PlanStep[] {
  const steps: PlanStep[] = [];
  let pieces: Piece[] = [];
  let bytes = 0;
  for (const piece of run.flatMap((change) => listPieces(change, removed))) {
    if (bytes >= STEP_BYTES) {
      steps.push({ rebuild: pieces });
      pieces = [];
      bytes = 0;
    }
    pieces.push(piece);
    bytes += pieceBytes(piece);
  }
  if (pieces.length > 0) steps.push({ rebuild: pieces });
  return steps;
}

function listPieces({ group, added }: Change, removed: ReadonlySet<string>): readonly Piece[] {
  const kept: Piece[] = [];
  for (const [index, { location }] of group?.packages.entries() ?? []) {
    if (group !== undefined && !removed.has(location)) kept.push({ group, index });
  }
  const pieces = [...kept, ...added.map((newPackage) => ({ package: newPackage }))];
  return pieces.toSorted((a, b) => (readLocation(a) < readLocation(b) ? -1 : 1));
}

function pieceBytes(piece: Piece): number {
  const kept = 'group' in piece ? piece.group.packages[piece.index] : undefined;
  return kept === undefined ? NEW_PACKAGE_BYTES : sumTextBytes(kept);
}

export function readLocation(piece: Piece): string {
  if ('package' in piece) return piece.package.location;
  return piece.group.packages[piece.index]?.location ?? '';
}

/** Bytes of text that a step of these pieces reads or makes, for progress and to choose where it runs. */
export function stepBytes(step: PlanStep): number {
  if ('reuse' in step) return countOpenBytes(step.reuse);
  return step.rebuild.reduce((sum, piece) => sum + pieceBytes(piece), 0);
}
