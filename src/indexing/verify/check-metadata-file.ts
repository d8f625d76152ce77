import type { Stats } from 'node:fs';
import { join, normalize } from 'node:path';
import { AppError } from '../../errors.ts';
import type { RepomdData } from '../../rpm/repodata/repomd.ts';
import { entryStats } from './entry-stats.ts';
import { createChecksum, fileChecksum } from './file-checksum.ts';
import { modeFinding } from './file-mode.ts';
import type { PackageMetadataReader } from './package-metadata-reader.ts';
import { readStatedContent, type StatedContent } from './stated-content.ts';
import type { Finding } from '../violation.ts';

/** Gives the uncompressed bytes of a metadata file in pieces of a megabyte at most. */
export type OpenMetadata = (path: string, signal?: AbortSignal) => AsyncIterable<Uint8Array>;

export interface MetadataFileCheck {
  readonly findings: readonly Finding[];
  /** True when the content could be read to its end. */
  readonly isRead: boolean;
}

// zchunk files have their own way of compressing, and a checksum of their header that clients go by.
const ZCHUNK = /\.zck$/;

/**
 * Compares a metadata file with what repomd.xml says of it. The content of a file that is not the named one is not
 * read: its faults would only be a consequence.
 * @param reader gets the content.
 */
export async function checkMetadataFile(options: {
  readonly repositoryDir: string;
  readonly data: RepomdData;
  readonly openMetadata: OpenMetadata;
  readonly reader: PackageMetadataReader | undefined;
  readonly signal: AbortSignal | undefined;
}): Promise<MetadataFileCheck> {
  const { repositoryDir, data, openMetadata, reader, signal } = options;
  const { href } = data;
  const path = join(repositoryDir, href);
  const finding = (code: Finding['code'], detail: string): Finding => ({ code, subject: href, detail });
  if (normalize(href).startsWith('../')) {
    return unread([finding('METADATA_MISSING', `repomd.xml names ${href}, outside of the repository`)]);
  }
  const stats = await entryStats(path);
  if (stats === undefined || !stats.isFile()) {
    return unread([finding('METADATA_MISSING', `repomd.xml names ${data.type} here, and there is no file`)]);
  }
  try {
    const damage = await findFileDamage(path, { data, stats, signal });
    if (damage !== undefined) return unread([{ ...damage, subject: href }]);
    const stated = readStatedContent(data.xml);
    const content = ZCHUNK.test(href) ? [] : await checkContent(openMetadata(path, signal), stated, reader);
    const mode = modeFinding(href, stats.mode);
    const findings = content.map(({ code, detail }) => finding(code, detail));
    return { findings: [...(mode === undefined ? [] : [mode]), ...findings], isRead: true };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof AppError && error.code === 'INDEX_ENGINE_MISSING') throw error;
    return unread([finding('METADATA_UNREADABLE', error instanceof Error ? error.message : String(error))]);
  }
}

function unread(findings: readonly Finding[]): MetadataFileCheck {
  return { findings, isRead: false };
}

type UnplacedFinding = Omit<Finding, 'subject'>;

/** In what the file is not the one that repomd.xml means. */
async function findFileDamage(
  path: string,
  named: { readonly data: RepomdData; readonly stats: Stats; readonly signal: AbortSignal | undefined },
): Promise<UnplacedFinding | undefined> {
  const { sizeBytes, checksum } = named.data;
  if (sizeBytes !== undefined && sizeBytes !== named.stats.size) {
    return {
      code: 'SIZE_WRONG',
      detail: `the file has ${named.stats.size} bytes, repomd.xml says ${sizeBytes}`,
    };
  }
  const found = await fileChecksum(path, checksum.type, named.signal);
  if (found === checksum.hex) return undefined;
  return {
    code: 'METADATA_CHECKSUM_WRONG',
    detail: `the file's ${checksum.type} is ${found}, repomd.xml says ${checksum.hex}`,
  };
}

async function checkContent(
  pieces: AsyncIterable<Uint8Array>,
  { openChecksum, openSizeBytes }: StatedContent,
  reader: PackageMetadataReader | undefined,
): Promise<readonly UnplacedFinding[]> {
  const hash = openChecksum === undefined ? undefined : createChecksum(openChecksum.type);
  let sizeBytes = 0;
  for await (const piece of pieces) {
    sizeBytes += piece.length;
    hash?.update(piece);
    reader?.push(piece);
  }
  reader?.end();
  const findings: UnplacedFinding[] = [];
  if (openSizeBytes !== undefined && openSizeBytes !== sizeBytes) {
    const detail = `the content has ${sizeBytes} bytes, repomd.xml says ${openSizeBytes}`;
    findings.push({ code: 'OPEN_SIZE_WRONG', detail });
  }
  const found = hash?.digest('hex');
  if (found !== openChecksum?.hex) {
    const detail = `the content's ${openChecksum?.type} is ${found}, repomd.xml says ${openChecksum?.hex}`;
    findings.push({ code: 'OPEN_CHECKSUM_WRONG', detail });
  }
  return findings;
}
