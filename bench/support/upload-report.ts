import { formatSize } from './size.ts';
import { formatSpread, median } from './statistics.ts';
import type { UploadPeer } from './upload-peers.ts';

/** One turn of one peer. */
export interface UploadMeasurement {
  readonly round: number;
  readonly peer: UploadPeer['name'];
  readonly uploads: number;
  readonly seconds: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  /** Processor time per upload. */
  readonly serviceCpuMs: number;
  readonly nginxCpuMs: number;
  readonly loadCpuMs: number;
  /** Mean milliseconds per upload in each stage that the service measures of itself. */
  readonly stageMs: ReadonlyMap<string, number>;
}

const PEERS = ['rpmyard', 'against', 'unguarded', 'dav', 'floor', 'durable floor'] as const;

/** Prints the rates of each peer, the ratios round by round, and where the time goes. */
export function printUploadReport(sizeBytes: number, measurements: readonly UploadMeasurement[]): void {
  console.log(`\nUploads of ${formatSize(sizeBytes)} bytes: median (least-greatest) of the rounds`);
  const peers = PEERS.filter((name) => measurementsOf(measurements, name).length > 0);
  for (const peer of peers) printPeer(peer, measurementsOf(measurements, peer));
  for (const peer of peers.filter((name) => name !== 'rpmyard')) {
    console.log(`rpmyard/${peer}: ${formatSpread(ratiosTo(peer, measurements), 2)}`);
  }
  const ours = measurementsOf(measurements, 'rpmyard');
  const stages = [...(ours[0]?.stageMs.keys() ?? [])].map((stage) => {
    const values = ours.map(({ stageMs }) => stageMs.get(stage) ?? Number.NaN);
    return `${stage} ${formatSpread(values, 2)}`;
  });
  console.log(`stages of rpmyard, ms of each upload: ${stages.join(', ')}`);
}

function printPeer(peer: string, turns: readonly UploadMeasurement[]): void {
  const rates = turns.map(({ uploads, seconds }) => uploads / seconds);
  const mid = (pick: (turn: UploadMeasurement) => number): string => median(turns.map(pick)).toFixed(2);
  console.log(
    [
      `${peer.padEnd(13)} ${formatSpread(rates, rates.every((rate) => rate > 200) ? 0 : 1).padEnd(20)}/s`,
      `answer ${mid(({ medianMs }) => medianMs)} ms, 99 % ${mid(({ p99Ms }) => p99Ms)} ms`,
      `CPU ms an upload: service ${mid(({ serviceCpuMs }) => serviceCpuMs)}`,
      `nginx ${mid(({ nginxCpuMs }) => nginxCpuMs)}`,
      `load ${mid(({ loadCpuMs }) => loadCpuMs)}`,
    ].join('  '),
  );
}

function ratiosTo(peer: UploadPeer['name'], measurements: readonly UploadMeasurement[]): readonly number[] {
  const others = new Map(measurementsOf(measurements, peer).map((turn) => [turn.round, turn]));
  return measurementsOf(measurements, 'rpmyard').flatMap((ours) => {
    const other = others.get(ours.round);
    return other === undefined ? [] : [ours.uploads / ours.seconds / (other.uploads / other.seconds)];
  });
}

function measurementsOf(
  measurements: readonly UploadMeasurement[],
  peer: UploadPeer['name'],
): readonly UploadMeasurement[] {
  return measurements.filter((measurement) => measurement.peer === peer);
}
