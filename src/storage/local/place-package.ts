import { lstatSync, statSync } from 'node:fs';
import { digestOfFile } from '../../base/files/file-digest.ts';
import { AppError } from '../../errors.ts';
import type { DirectoryStep } from '../package-names.ts';
import type { IncomingPackage, TargetState } from '../places.ts';
import type { Target } from '../repository-layout.ts';
import type { PackageFiles } from './package-files.ts';

/** What was acknowledged at a target. */
export interface AcknowledgedFile {
  readonly sha256: string;
  readonly receivedSha256?: string | undefined;
}

/** The facts about stored packages beside their bytes, for messages. */
export interface StoredFacts {
  readonly describe: (path: string) => Promise<string>;
  readonly acknowledgedAt: (target: Target) => Promise<AcknowledgedFile | undefined>;
}

/**
 * Looks at each target of a package.
 * @throws AppError PACKAGE_CONFLICT when one holds other bytes, with both digests; STORAGE_FAILED when a directory of its
 * repository is a link.
 */
export async function lookAtTargets(
  incoming: IncomingPackage,
  stored: StoredFacts,
  files: PackageFiles,
): Promise<readonly TargetState[]> {
  for (const { repository } of incoming.targets) files.checkDirectories(repository);
  return Promise.all(incoming.targets.map((target) => lookAt({ incoming, target, stored, files })));
}

/**
 * Links a package into the targets that lack it and makes all of them durable.
 * @returns what that did to the directories of these targets.
 * @throws AppError PACKAGE_CONFLICT, STORAGE_FAILED.
 */
export async function placePackage(
  incoming: IncomingPackage,
  states: readonly TargetState[],
  files: PackageFiles,
): Promise<ReadonlyMap<Target, DirectoryStep>> {
  const steps = new Map<Target, DirectoryStep>();
  for (const { target, holdsPackage: isThere, isReplaced } of states) {
    if (isReplaced) steps.set(target, await files.replace(incoming.path, target));
    else if (!isThere) steps.set(target, await linkInto(incoming, target, files));
  }
  await Promise.all(
    states.map(({ target, holdsPackage: isThere }) =>
      isThere ? files.sync(target) : files.syncName(target),
    ),
  );
  for (const { target, holdsPackage } of states) checkPlaced(incoming, target, { holdsPackage, files });
  return steps;
}

/** A directory may have been exchanged for a link, and back, while a name was made in it: what counts is where the file is now. */
function checkPlaced(
  incoming: IncomingPackage,
  target: Target,
  { holdsPackage, files }: { readonly holdsPackage: boolean; readonly files: PackageFiles },
): void {
  files.checkDirectories(target.repository);
  const placed = lstatSync(files.pathOf(target), { bigint: true, throwIfNoEntry: false });
  if (placed !== undefined && holdsPackage) return;
  const own = lstatSync(incoming.path, { bigint: true });
  if (placed?.ino === own.ino && placed.dev === own.dev) return;
  throw new AppError(
    'STORAGE_FAILED',
    `${target.location} is not in ${target.repository} after it was placed`,
    {
      hint: 'The directory was exchanged meanwhile: send the package again.',
    },
  );
}

async function linkInto(
  incoming: IncomingPackage,
  target: Target,
  files: PackageFiles,
): Promise<DirectoryStep> {
  const step = await files.add(incoming.path, target);
  if (step !== undefined) return step;
  // A file was put there by hand since the look; uploads take turns.
  throw new AppError('PACKAGE_CONFLICT', `${target.location} appeared in ${target.repository} meanwhile`, {
    hint: 'Send the package again to have it compared with the file that is there now.',
  });
}

async function lookAt(look: {
  readonly incoming: IncomingPackage;
  readonly target: Target;
  readonly stored: StoredFacts;
  readonly files: PackageFiles;
}): Promise<TargetState> {
  const { incoming, target, stored, files } = look;
  const path = files.pathOf(target);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return { target, holdsPackage: false, isReplaced: false };
  if (found.isSymbolicLink() && (await leadsTo(path, incoming))) {
    return { target, holdsPackage: false, isReplaced: true };
  }
  if (!found.isFile()) {
    throw new AppError('PACKAGE_CONFLICT', `${target.location} in ${target.repository} is no regular file`, {
      hint: 'It was put there by hand; remove it on the server, then send the package again.',
    });
  }
  const storedSha256 = await files.sha256Of(target);
  if (storedSha256 === incoming.sha256) return { target, holdsPackage: true, isReplaced: false };
  const acknowledged = await stored.acknowledgedAt(target);
  const isDamaged = acknowledged !== undefined && acknowledged.sha256 !== storedSha256;
  if (isDamaged && isSame(incoming, acknowledged)) return { target, holdsPackage: false, isReplaced: true };
  if (isDamaged) throw damagedConflict(incoming, target, { storedSha256, acknowledged });
  const storedNevra = await stored.describe(path);
  const storedReceivedSha256 = acknowledged?.receivedSha256;
  const storedDigests =
    storedReceivedSha256 === undefined
      ? `stored sha256 ${storedSha256}`
      : `stored sha256 ${storedSha256} (sent as ${storedReceivedSha256} and signed here)`;
  const isSameNevra = storedNevra === incoming.nevra;
  throw new AppError(
    'PACKAGE_CONFLICT',
    isSameNevra
      ? `${incoming.nevra} is already in ${target.repository} with other bytes: ${storedDigests}, sent sha256 ${incoming.sha256}`
      : `${incoming.nevra} would have the file name of ${storedNevra} in ${target.repository}: ${storedDigests}, sent sha256 ${incoming.sha256}`,
    {
      hint: isSameNevra
        ? 'A published package never changes: raise the release number and build again.'
        : 'The epoch is not part of a file name: raise the version or release as well.',
      details: {
        repository: target.repository,
        storedNevra,
        sentNevra: incoming.nevra,
        storedSha256,
        ...(storedReceivedSha256 !== undefined && { storedReceivedSha256 }),
        sentSha256: incoming.sha256,
      },
    },
  );
}

/** Whether a link leads to the bytes of a package: its file then takes the link's place, and hosts see no difference. */
async function leadsTo(path: string, { sha256, receivedSha256 }: IncomingPackage): Promise<boolean> {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
  const found = await digestOfFile(path);
  return found === sha256 || found === receivedSha256;
}

/** A package that is signed here gets a new signature, and with it other bytes, each time. */
function isSame({ sha256, receivedSha256 }: IncomingPackage, acknowledged: AcknowledgedFile): boolean {
  if (sha256 === acknowledged.sha256) return true;
  return receivedSha256 !== undefined && receivedSha256 === acknowledged.receivedSha256;
}

function damagedConflict(
  { nevra, sha256 }: IncomingPackage,
  { repository, location }: Target,
  found: { readonly storedSha256: string; readonly acknowledged: AcknowledgedFile },
): AppError {
  const { storedSha256, acknowledged } = found;
  const wanted = acknowledged.receivedSha256 ?? acknowledged.sha256;
  return new AppError(
    'PACKAGE_CONFLICT',
    `${location} in ${repository} is damaged (sha256 ${storedSha256}), and ${nevra} with sha256 ${sha256} is not the package that was acknowledged there`,
    {
      hint: `Send the package with the sha256 ${wanted}, which mends the file, or raise the release number.`,
      details: { repository, storedSha256, acknowledgedSha256: wanted, sentSha256: sha256 },
    },
  );
}
