import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One package file of the corpus, as its INDEX.tsv describes it. */
export interface CorpusFile {
  readonly path: string;
  /** Relative to the corpus, for messages. */
  readonly name: string;
  /** Found in the wild, not crafted to be hostile. */
  readonly isReal: boolean;
  /** What `rpm -qp` of rpm 4.18 answered when the corpus was made: 0 when it could read the file. */
  readonly queryStatus: number;
}

/**
 * The files of the corpus in the directory RPMYARD_CORPUS, or undefined without one. It is not part of
 * the repository; tests that need it skip themselves.
 */
export const corpus: readonly CorpusFile[] | undefined = readCorpus(process.env['RPMYARD_CORPUS']);

function readCorpus(directory: string | undefined): readonly CorpusFile[] | undefined {
  if (!directory) return undefined;
  const rows = readFileSync(join(directory, 'INDEX.tsv'), 'utf8').trimEnd().split('\n').slice(1);
  return rows.map((row) => {
    const [name = ''] = row.split('\t');
    const status = /rpm4\.18 -qp rc=(\d+)/.exec(row)?.[1];
    if (status === undefined) throw new Error(`INDEX.tsv: ${name} has no result of rpm -qp`);
    return {
      path: join(directory, name),
      name,
      isReal: name.startsWith('real/'),
      queryStatus: Number(status),
    };
  });
}
