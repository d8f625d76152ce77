import { parseHeader } from '../../src/rpm/rpm-parser/header.ts';
import { measureHeader } from '../../src/rpm/rpm-parser/measure-header.ts';
import type { HeaderKind } from '../../src/rpm/rpm-parser/tag.ts';
import type { CraftTag } from '../support/craft-rpm.ts';

/** A package taken apart, so that it can be laid out anew. */
export interface PackageTags {
  readonly main: readonly CraftTag[];
  readonly signature: readonly CraftTag[];
  /** Tags that are there more than once in one of the headers with values that differ; the lists have the first. */
  readonly repeated: ReadonlySet<number>;
  readonly hasRegion: boolean;
  readonly payload: Uint8Array;
  /** Where each header begins and ends. */
  readonly ends: readonly (readonly [start: number, end: number])[];
}

/** Undefined when `input` is no package, or its headers break the rules of their format. */
export function readPackageTags(input: Buffer): PackageTags | undefined {
  try {
    const extent = measureHeader(input, input.length);
    if (!extent.isComplete) return undefined;
    const tagsOf = (start: number, kind: HeaderKind) => {
      const header = parseHeader(input, start, kind);
      const tags = [...header.entries.values()].map(({ tag, type, count, start: from, end }) => {
        return { tag, type, count, data: input.subarray(from, end) };
      });
      return { tags, hasRegion: header.hasRegion, repeated: header.ambiguousTags };
    };
    const main = tagsOf(extent.headerStart, 'main');
    const signature = tagsOf(extent.signatureStart, 'signature');
    return {
      main: main.tags,
      signature: signature.tags,
      repeated: main.repeated.union(signature.repeated),
      hasRegion: main.hasRegion,
      payload: input.subarray(extent.payloadStart),
      ends: [
        [extent.signatureStart, extent.headerStart],
        [extent.headerStart, extent.payloadStart],
      ],
    };
  } catch {
    return undefined;
  }
}
