import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PACKAGE_METADATA_TYPES } from '../../src/rpm/repodata/metadata-envelope.ts';
import type { ReindexSample } from './reindex-sample.ts';
import { formatSpread } from './statistics.ts';

const OPERATIONS = ['+1', '+100', '-1', 'afresh'] as const;
const OURS = 'rpmyard';
const COMPARED = 'createrepo_c --no-database';
const COLUMNS = [
  '',
  'peer',
  'seconds',
  'run alone, s',
  'CPU, s',
  'peak memory, MB',
  `${COMPARED} / peer`,
  'peer / floor',
  `peer / ${OURS}`,
];

/** Prints a table of one size: `median (least-greatest)`, ratios turn by turn. */
export function printReindexReport(samples: readonly ReindexSample[]): void {
  console.log(rowOf(COLUMNS));
  console.log(rowOf(COLUMNS.map(() => '---')));
  for (const operation of OPERATIONS) {
    const ofOperation = samples.filter((sample) => sample.operation === operation);
    // In the order in which they were prepared, not in that of the round.
    const peers = [...new Set([OURS, ...ofOperation.map(({ peer }) => peer).toSorted()])];
    for (const peer of peers) printPeer(operation, peer, ofOperation);
  }
}

/** Sizes of primary, filelists and other together, unpacked and packed. */
export async function describeMetadata(repositoryDir: string): Promise<string> {
  const xml = await readFile(join(repositoryDir, 'repodata', 'repomd.xml'), 'utf8');
  const megabytes = (element: string): string => {
    const sizes = [...xml.matchAll(new RegExp(`<${element}>(?<bytes>\\d+)<`, 'g'))]
      .slice(0, PACKAGE_METADATA_TYPES.length)
      .map(({ groups }) => Number(groups?.['bytes']));
    return (sizes.reduce((sum, size) => sum + size, 0) / 1e6).toFixed(0);
  };
  return `${megabytes('open-size')} MB of XML, ${megabytes('size')} MB in the files`;
}

function printPeer(operation: string, peer: string, samples: readonly ReindexSample[]): void {
  const mine = samples.filter((sample) => sample.peer === peer);
  const spread = (values: readonly (number | undefined)[], digits: number): string => {
    const known = values.filter((value) => value !== undefined);
    return known.length === 0 ? '' : formatSpread(known, digits);
  };
  console.log(
    rowOf([
      peer === OURS ? operation : '',
      peer,
      spread(
        mine.map(({ seconds }) => seconds),
        3,
      ),
      spread(
        mine.map(({ runSeconds }) => runSeconds),
        3,
      ),
      spread(
        mine.map(({ cpuSeconds }) => cpuSeconds),
        2,
      ),
      spread(
        mine.map(({ peakBytes }) => peakBytes && peakBytes / 1e6),
        0,
      ),
      peer === COMPARED ? '' : spread(ratiosOf(samples, COMPARED, peer), 2),
      peer === 'floor' ? '' : spread(ratiosOf(samples, peer, 'floor'), 2),
      peer === 'floor' || peer === OURS ? '' : spread(ratiosOf(samples, peer, OURS), 2),
    ]),
  );
}

/** Seconds of the one in seconds of the other, of each turn. */
function ratiosOf(samples: readonly ReindexSample[], above: string, below: string): readonly number[] {
  return samples.flatMap((one) => {
    if (one.peer !== above) return [];
    const other = samples.find(
      ({ peer, round, turn }) => peer === below && round === one.round && turn === one.turn,
    );
    return other === undefined ? [] : [one.seconds / other.seconds];
  });
}

function rowOf(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
