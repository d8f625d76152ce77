/** Seconds spent and uploads measured so far in each stage of an upload, from /metrics. */
export type StageTotals = ReadonlyMap<string, { readonly seconds: number; readonly uploads: number }>;

const LINE = /^rpmyard_upload_stage_seconds_(?<field>sum|count)\{stage="(?<stage>\w+)"\} (?<value>\S+)$/gm;

/** Reads what the service has measured of itself. */
export async function readStageTotals(serviceUrl: string): Promise<StageTotals> {
  const text = await (await fetch(`${serviceUrl}/metrics`)).text();
  const totals = new Map<string, { seconds: number; uploads: number }>();
  for (const { groups } of text.matchAll(LINE)) {
    const { field, stage = '', value } = groups ?? {};
    const total = totals.get(stage) ?? { seconds: 0, uploads: 0 };
    totals.set(stage, { ...total, [field === 'sum' ? 'seconds' : 'uploads']: Number(value) });
  }
  return totals;
}

/** Mean milliseconds per upload in each stage between two readings. */
export function stageMsBetween(before: StageTotals, after: StageTotals): ReadonlyMap<string, number> {
  return new Map(
    [...after].map(([stage, total]) => {
      const earlier = before.get(stage) ?? { seconds: 0, uploads: 0 };
      return [stage, (1000 * (total.seconds - earlier.seconds)) / (total.uploads - earlier.uploads)];
    }),
  );
}
