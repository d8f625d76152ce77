import { closeSync, openSync } from 'node:fs';
import { damagedIndex } from '../damaged-index.ts';
import { readInto } from '../../base/files/read-into.ts';
import type { PackageMetadataType } from '../../rpm/repodata/metadata-envelope.ts';
import { decompressSegment } from '../engines/incremental/index-format.ts';
import {
  type PackageGroup,
  type PerType,
  perType,
  type PlacedSegment,
} from '../engines/incremental/package-group.ts';

/** Gives the text of packages that are described already; groups asked for one after the other are opened once. */
export interface KeptTextReader {
  /** @throws AppError INDEX_DAMAGED when the bytes are not those that were written. */
  readonly read: (group: PackageGroup, index: number) => PerType<Buffer>;
  readonly close: () => void;
}

interface OpenGroup {
  readonly group: PackageGroup;
  readonly texts: PerType<readonly Buffer[]>;
}

export function createKeptTextReader(): KeptTextReader {
  const descriptors = new Map<string, number>();
  let last: OpenGroup | undefined;

  return {
    read: (group, index) => {
      last = last?.group === group ? last : { group, texts: perType((type) => openTexts(group, type)) };
      const { texts } = last;
      return perType((type) => texts[type][index] ?? Buffer.alloc(0));
    },
    close: () => {
      for (const descriptor of descriptors.values()) closeSync(descriptor);
    },
  };

  function openTexts({ packages, segments }: PackageGroup, type: PackageMetadataType): readonly Buffer[] {
    const open = readSegment(segments[type]);
    let end = 0;
    const texts = packages.map(({ textBytes }) => {
      const start = end;
      end += textBytes[type];
      return open.subarray(start, end);
    });
    if (end === open.length) return texts;
    throw damagedIndex(`the texts of a group have ${end} bytes, its segment ${open.length}`);
  }

  function readSegment(segment: PlacedSegment): Buffer {
    const bytes = Buffer.allocUnsafe(segment.lengthBytes);
    const filled = bytes.subarray(0, readInto(openFile(segment.path), bytes, segment.offset));
    return segment.format === 'plain' ? filled : decompressSegment(segment.format, filled, segment);
  }

  function openFile(path: string): number {
    const descriptor = descriptors.get(path) ?? openSync(path, 'r');
    descriptors.set(path, descriptor);
    return descriptor;
  }
}
