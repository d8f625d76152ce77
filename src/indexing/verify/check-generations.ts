import { join } from 'node:path';
import { readIfThere } from '../../base/files/read-if-there.ts';
import { generationName, MIRRORLIST } from '../../rpm/repodata-names.ts';
import { filesOfGeneration, listGenerations, readMirrorlistGeneration } from '../../storage/generations.ts';
import { entryStats } from './entry-stats.ts';
import type { Finding } from '../violation.ts';

/** The configured key that made a good signature of the content; undefined for any other signature. */
export type FindSigningKey = (content: string, signature: string) => Promise<string | undefined>;

/** What judges the signatures of metadata. */
export interface SigningParts {
  readonly findKey: FindSigningKey;
  /** Those of signing.keys that are not there, so that what they signed cannot be checked. */
  readonly findMissingKeys: () => Promise<readonly string[]>;
}

/** Checks that each generation leads to files that are there, and that the one that clients are led to is signed. */
export async function checkGenerations(
  repositoryDir: string,
  signing: SigningParts | undefined,
): Promise<readonly Finding[]> {
  const numbers = await listGenerations(repositoryDir);
  const findings: Finding[] = [];
  for (const number of numbers) {
    const fault = await findGenerationFault(repositoryDir, number);
    const isStillThere = (await entryStats(join(repositoryDir, pathOf(number)))) !== undefined;
    // It may have been removed meanwhile, its time being over.
    if (fault === undefined || !isStillThere) continue;
    // An index run makes a new one, and leaves the former ones as they are.
    const code = number === numbers.at(-1) ? 'GENERATION_WRONG' : 'FORMER_GENERATION_WRONG';
    findings.push({ code, subject: pathOf(number), detail: fault });
  }
  const named = await readMirrorlistGeneration(repositoryDir);
  if (named !== undefined && !(await listGenerations(repositoryDir)).includes(named)) {
    const detail = `it names ${pathOf(named)}, which is not there`;
    findings.push({ code: 'GENERATION_WRONG', subject: MIRRORLIST, detail });
  }
  if (signing === undefined) return findings;
  const newest = numbers.at(-1);
  const directories = ['repodata', ...(newest === undefined ? [] : [pathOf(newest)])];
  for (const directory of directories) {
    const ofSignature = await checkSignature(repositoryDir, directory, signing);
    // Where the signature is wrong or cannot be checked, its remedy is the one that helps.
    findings.push(...(ofSignature.length > 0 ? ofSignature : await checkKey(repositoryDir, directory)));
  }
  return findings;
}

function pathOf(generation: number): string {
  return `repodata/${generationName(generation)}`;
}

async function findGenerationFault(repositoryDir: string, generation: number): Promise<string | undefined> {
  const files = await filesOfGeneration(repositoryDir, generation);
  if (files === undefined) return 'its repomd.xml cannot be read';
  for (const name of files) {
    if ((await entryStats(join(repositoryDir, 'repodata', name))) === undefined) {
      return `it names ${name}, which is not there`;
    }
  }
  return undefined;
}

/** zypper looks for the key beside a signature. */
async function checkKey(repositoryDir: string, directory: string): Promise<readonly Finding[]> {
  const pathTo = (name: string): string => join(repositoryDir, directory, name);
  const subject = `${directory}/repomd.xml.key`;
  if ((await entryStats(pathTo('repomd.xml.asc'))) === undefined) return [];
  if ((await entryStats(pathTo('repomd.xml.key'))) !== undefined) return [];
  return [{ code: 'SIGNATURE_WRONG', subject, detail: 'there is no public key beside the signature' }];
}

async function checkSignature(
  repositoryDir: string,
  directory: string,
  signing: SigningParts,
): Promise<readonly Finding[]> {
  const subject = `${directory}/repomd.xml.asc`;
  const content = await readIfThere(join(repositoryDir, directory, 'repomd.xml'));
  // Reported already.
  if (content === undefined) return [];
  const signature = await readIfThere(join(repositoryDir, subject));
  if (signature === undefined) {
    return [{ code: 'SIGNATURE_WRONG', subject, detail: 'there is no signature' }];
  }
  if ((await signing.findKey(content, signature)) !== undefined) return [];
  const missing = await signing.findMissingKeys();
  if (missing.length > 0) {
    const unchecked = `it cannot be checked: ${missing.join(', ')} of signing.keys is not in signing.gnupg_home`;
    return [{ code: 'SIGNATURE_UNCHECKED', subject, detail: unchecked }];
  }
  const detail = 'it is no good signature of repomd.xml by a key in signing.keys';
  return [{ code: 'SIGNATURE_WRONG', subject, detail }];
}
