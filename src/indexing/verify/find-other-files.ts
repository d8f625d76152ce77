import { isUtf8 } from 'node:buffer';
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ifThere } from '../../base/files/if-there.ts';
import { generationNumber, isChecksumNamed, MIRRORLIST, REPOMD_FILE } from '../../rpm/repodata-names.ts';
import type { Repomd } from '../../rpm/repodata/repomd.ts';
import type { Finding } from '../violation.ts';

const REPODATA = 'repodata';
const BREAKS_LINES = /[\n\r]/;
const OF_REPOMD = new RegExp(`^${REPOMD_FILE}$`);

/** Files below a repository's directory that are neither packages nor metadata, with the reason why they are not. */
export async function findOtherFiles(
  repositoryDir: string,
  repomd: Repomd | undefined,
): Promise<readonly Finding[]> {
  const named = new Set(repomd?.data.map(({ href }) => basename(href)));
  const findings: Finding[] = [];
  for (const name of await list(join(repositoryDir, REPODATA))) {
    const fileName = name.name.toString();
    if (OF_REPOMD.test(fileName) || named.has(fileName)) continue;
    // Former metadata: an index run removes it when its time is over.
    if (isChecksumNamed(fileName)) continue;
    if (name.isDirectory() && generationNumber(fileName) !== undefined) continue;
    const detail = 'repomd.xml does not name it, and it is no former metadata';
    findings.push({ code: 'UNKNOWN_METADATA_FILE', subject: `${REPODATA}/${fileName}`, detail });
  }
  await collectUnindexed(repositoryDir, '', findings);
  return findings;
}

async function collectUnindexed(repositoryDir: string, prefix: string, findings: Finding[]): Promise<void> {
  for (const entry of await list(join(repositoryDir, prefix))) {
    const location = join(prefix, entry.name.toString());
    if (location === REPODATA || (location === MIRRORLIST && entry.isFile())) continue;
    const reason = reasonAgainst(entry);
    if (reason !== undefined) findings.push({ code: 'FILE_NOT_INDEXED', subject: location, detail: reason });
    else if (entry.isDirectory()) await collectUnindexed(repositoryDir, location, findings);
  }
}

/** Why an entry of the tree does not belong into the index; undefined for packages and for their directories. */
function reasonAgainst(entry: Dirent<Buffer>): string | undefined {
  const name = entry.name.toString();
  if (!isUtf8(entry.name)) return 'its name is not UTF-8';
  if (name.startsWith('.')) return 'its name begins with a dot';
  if (BREAKS_LINES.test(name)) return 'its name holds a line break';
  if (entry.isSymbolicLink()) return 'it is a symbolic link';
  if (entry.isDirectory()) return name === REPODATA ? 'it is metadata inside of a repository' : undefined;
  if (!entry.isFile()) return 'it is neither a file nor a directory';
  return name.endsWith('.rpm') ? undefined : 'it is no package';
}

/** Names as bytes: some are no text. */
async function list(directory: string): Promise<readonly Dirent<Buffer>[]> {
  const entries = await ifThere(readdir(directory, { withFileTypes: true, encoding: 'buffer' }));
  return (entries ?? []).toSorted((a, b) => Buffer.compare(a.name, b.name));
}
