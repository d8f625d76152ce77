import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../errors.ts';
import { digestOfFile } from '../../base/files/file-digest.ts';
import { readIfThere } from '../../base/files/read-if-there.ts';
import { findAlgorithm } from '../../rpm/repodata/checksum-types.ts';
import { parseRepomd, type Repomd, type RepomdData } from '../../rpm/repodata/repomd.ts';
import { hasTags, NO_TAGS } from '../../rpm/repodata/repomd-tags.ts';
import type { FoundMetadata, FoundTags, RefusedFile } from '../survey.ts';
import { identifySource, toRefusedFile, unreadable } from './survey-packages.ts';

export interface MetadataSurveyParts {
  /** The type it can be put as; undefined for what is derived from packages. */
  readonly foreignTypeOf: (type: string) => string | undefined;
  /** As metadata that is put is checked: the sha256 of its uncompressed content. @throws AppError METADATA_INVALID. */
  readonly checkContent: (type: string, path: string) => Promise<string>;
}

export interface SurveyedMetadata {
  readonly metadata: readonly FoundMetadata[];
  readonly refusals: readonly RefusedFile[];
  readonly leftOutTypes: readonly string[];
  readonly tags: readonly FoundTags[];
}

// The largest have a few hundred entries.
const MAX_REPOMD_BYTES = 16 * 1024 * 1024;
// A path that leads elsewhere would have a file of the machine's published.
const HREF = /^repodata\/[^/]+$/;
// They list delta packages, which are not taken.
const DELTA_TYPES: ReadonlySet<string> = new Set(['prestodelta', 'deltainfo']);
// The engine makes them anew.
const PACKAGE_TYPES: ReadonlySet<string> = new Set(['primary', 'filelists', 'other']);

/**
 * The metadata that is not derived from packages, as the repomd.xml of each directory names it. Damaged files and those
 * that could not be put are refusals.
 * @param indexed the directories with a `repodata` in them, below the root.
 */
export async function surveyMetadata(
  root: string,
  indexed: readonly string[],
  parts: MetadataSurveyParts,
): Promise<SurveyedMetadata> {
  const metadata: FoundMetadata[] = [];
  const refusals: RefusedFile[] = [];
  const leftOut = new Set<string>();
  const tags: FoundTags[] = [];
  for (const directory of indexed) {
    const repomdPath = join(directory, 'repodata/repomd.xml');
    try {
      const { data, tags: own } = await readRepomd(join(root, repomdPath));
      if (hasTags(own)) tags.push({ directory, tags: own });
      const { chosen, others } = chooseForeign(data, parts);
      for (const type of others) leftOut.add(type);
      for (const [type, entry] of chosen) {
        try {
          metadata.push(await lookAt(root, { directory, type, entry }, parts));
        } catch (error) {
          refusals.push(toRefusedFile(join(directory, entry.href), error));
        }
      }
    } catch (error) {
      refusals.push(toRefusedFile(repomdPath, error));
    }
  }
  return { metadata, refusals, leftOutTypes: [...leftOut].toSorted(), tags };
}

async function readRepomd(path: string): Promise<Repomd> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return { revision: '', tags: NO_TAGS, data: [] };
  if (!stats.isFile()) throw unreadable('it is no regular file');
  if (stats.size > MAX_REPOMD_BYTES) throw invalid(`it has more than ${MAX_REPOMD_BYTES} bytes`);
  const xml = (await readIfThere(path)) ?? '';
  try {
    return parseRepomd(xml);
  } catch (cause) {
    throw invalid(cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause), cause);
  }
}

/** One entry a type, the one without a compression in its type where there are several. */
function chooseForeign(
  data: readonly RepomdData[],
  { foreignTypeOf }: MetadataSurveyParts,
): { readonly chosen: ReadonlyMap<string, RepomdData>; readonly others: readonly string[] } {
  const chosen = new Map<string, RepomdData>();
  const others: string[] = [];
  for (const entry of data) {
    const type = foreignTypeOf(entry.type);
    if (type === undefined || DELTA_TYPES.has(type)) {
      if (!PACKAGE_TYPES.has(entry.type)) others.push(entry.type);
    } else if (entry.type === type || !chosen.has(type)) {
      chosen.set(type, entry);
    }
  }
  return { chosen, others };
}

async function lookAt(
  root: string,
  named: { readonly directory: string; readonly type: string; readonly entry: RepomdData },
  { checkContent }: MetadataSurveyParts,
): Promise<FoundMetadata> {
  const { directory, type, entry } = named;
  if (!HREF.test(entry.href)) throw invalid('its place is not in repodata/');
  const path = join(directory, entry.href);
  const absolute = join(root, path);
  const stats = lstatSync(absolute, { bigint: true });
  if (!stats.isFile()) throw unreadable('it is no regular file');
  const { type: checksumType, hex } = entry.checksum;
  const algorithm = findAlgorithm(checksumType);
  if (algorithm === undefined) throw invalid(`${checksumType} in repomd.xml is no known type of checksum`);
  if ((await digestOfFile(absolute, algorithm)) !== hex.toLowerCase()) {
    throw invalid(`its ${checksumType} is not the one in repomd.xml`);
  }
  const openSha256 = await checkContent(type, absolute);
  return {
    directory,
    type,
    path,
    identity: identifySource(stats),
    sizeBytes: Number(stats.size),
    openSha256,
  };
}

function invalid(reason: string, cause?: unknown): AppError {
  return new AppError('METADATA_INVALID', reason, {
    hint: 'Make the metadata anew (createrepo_c), or put what is wanted of it later: curl -T <file> <public_url>/api/v1/repositories/<repository>/metadata/<type>.',
    cause,
  });
}
